import assert from 'node:assert/strict';
import { withoutNames, withoutNamesIn } from '../../../../src/power/inspect/privacy';

const names = { homeFolder: '/srv/people/marie', hostName: 'kitchen-xavier', userName: 'marie' };

describe('a report for strangers', () => {
  for (const [what, text, expected] of [
    ['the own home folder', '/srv/people/marie/.node-red/x', '~/.node-red/x'],
    ['homes of others', 'see /home/paul/flows and /Users/anna/x', 'see ~/flows and ~/x'],
    ['a home on Windows', 'C:\\Users\\Paul\\x', '~\\x'],
    ['the host name', 'kitchen-xavier: denied', '<host>: denied'],
    ['the user name', '/var/lib/marie/x (user marie)', '/var/lib/<user>/x (user <user>)'],
    ['a container id', `/docker/${'0a1b'.repeat(16)}/cpu`, '/docker/<id>/cpu'],
    ['a UUID', 'GPU-1b2c3d4e-0000-1111-2222-333344445555', 'GPU-<id>'],
  ] as const) {
    it(`leaves out ${what}`, () => {
      assert.equal(withoutNames(text, names), expected);
    });
  }

  it('keeps words that only contain a name, and names that everybody has', () => {
    assert.equal(withoutNames('marienbad my-marie', names), 'marienbad my-marie');
    const common = { homeFolder: '/', hostName: 'localhost', userName: 'root' };
    assert.equal(withoutNames('root /sys/x localhost', common), 'root /sys/x localhost');
  });

  it('is cleaned in every depth, and numbers stay numbers', () => {
    assert.deepEqual(withoutNamesIn({ a: [{ b: '/home/paul/x' }], c: 1, d: null }, names), {
      a: [{ b: '~/x' }],
      c: 1,
      d: null,
    });
  });
});

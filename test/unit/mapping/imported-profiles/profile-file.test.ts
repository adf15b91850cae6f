import assert from 'node:assert/strict';
import { parseProfileFile } from '../../../../src/mapping/imported-profiles/profile-file';
import { isEcomapError } from '../../../../src/signals/errors';

const header = 'family,variant,accuracy,operating_point,latency_ms,power_w';

function refused(text: string): string {
  try {
    parseProfileFile(text, 'table.csv');
  } catch (error) {
    assert.ok(isEcomapError(error) && error.code === 'INVALID_CONFIG');
    return error.message;
  }
  return assert.fail('it was not refused');
}

describe('a measured profile from CSV', () => {
  it('takes rows with the required columns alone', () => {
    const { profiles, badRows, ignoredColumns } = parseProfileFile(`${header}\nparts,large,0.97,MAXN,12.5,21\n`, 'a');
    assert.deepEqual(profiles, [
      {
        family: 'parts',
        variant: 'large',
        accuracy: 0.97,
        operatingPoint: 'MAXN',
        latencyMs: 12.5,
        powerW: 21,
        component: 'device',
        idleW: null,
      },
    ]);
    assert.deepEqual([badRows, ignoredColumns], [[], []]);
  });

  it('takes columns in any order, quoted cells, remarks, a byte order mark and Windows line ends', () => {
    const text = [
      '\uFEFF# measured on a bench',
      'Power_W,component,IDLE_W,latency_ms,operating_point,accuracy,variant,family,note',
      '21,gpu,8,12.5,"mode ""A"", fast",0.97,large,parts,"a, b"',
      '',
    ].join('\r\n');
    const { profiles, ignoredColumns } = parseProfileFile(text, 'a');
    assert.equal(profiles[0]?.operatingPoint, 'mode "A", fast');
    assert.equal(profiles[0]?.component, 'gpu');
    assert.equal(profiles[0]?.idleW, 8);
    assert.deepEqual(ignoredColumns, ['note']);
  });

  it('leaves bad rows out and names them with their lines', () => {
    const rows = [
      'parts,large,97,MAXN,12.5,21',
      'parts,large,0.97,MAXN,fast,21',
      'parts,,0.97,MAXN,12.5,21',
      'parts,small,0.9,MAXN,0,21',
      'parts,small,0.9,MAXN,5',
      'parts,large,0.97,MAXN,12.5,21',
      'parts,large,0.97,MAXN,13,22',
    ];
    const { profiles, badRows } = parseProfileFile([header, ...rows].join('\n'), 'a');
    assert.equal(profiles.length, 1);
    assert.deepEqual(
      badRows.map(({ line }) => line),
      [2, 3, 4, 5, 6, 8],
    );
    assert.match(badRows[0]?.reason ?? '', /accuracy.*fraction/);
    assert.match(badRows[1]?.reason ?? '', /latency_ms.*"fast"/);
    assert.match(badRows[2]?.reason ?? '', /variant.*blank/);
    assert.match(badRows[3]?.reason ?? '', /above 0/);
    assert.match(badRows[4]?.reason ?? '', /power_w.*blank/);
    assert.match(badRows[5]?.reason ?? '', /line 7/);
  });

  it('refuses an idle power above the power while running, and one below 0', () => {
    const rows = ['a,b,0.9,MAXN,5,10,11', 'a,b,0.9,MAXN,5,10,-1', 'a,b,0.9,MAXN,5,10,10'];
    const { profiles, badRows } = parseProfileFile([`${header},idle_w`, ...rows].join('\n'), 'a');
    assert.equal(profiles.length, 1);
    assert.ok(badRows.length === 2 && badRows.every(({ reason }) => reason.startsWith('idle_w')));
  });

  it('says what is missing where nothing can be used', () => {
    assert.match(refused(''), /empty.*operating_point/);
    assert.match(refused('family,variant,accuracy,latency_ms\n'), /no column operating_point, power_w in line 1/);
    assert.match(refused(`${header}\n`), /no row that can be used below its header/);
    assert.match(refused(`${header}\na,b,75.3,MAXN,5,10\n`), /line 2: accuracy/);
    assert.match(refused(`${header},accuracy\na,b,0.7,MAXN,5,10,0.8\n`), /accuracy twice/);
  });
});

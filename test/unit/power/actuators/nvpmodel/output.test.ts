import assert from 'node:assert/strict';
import {
  parseAnswer,
  parseStatusFile,
  parseVerboseListing,
  parseVerboseQuery,
} from '../../../../../src/power/actuators/nvpmodel/output';

describe('What nvpmodel says', () => {
  const queries: [string, string, { name: string; id: number } | null, string | null][] = [
    ['JetPack 5 and 6', 'NV Power Mode: MODE_30W\n2\n', { name: 'MODE_30W', id: 2 }, null],
    ['JetPack 4', 'NV Fan Mode:cool\nNV Power Mode: MAXN\n0\n', { name: 'MAXN', id: 0 }, 'cool'],
    ['a warning in front', 'NVPM WARN: fan mode is not set!\nNV Power Mode: MAXN\n0', { name: 'MAXN', id: 0 }, null],
    ['a warning in between', 'NV Power Mode: 15W\nNVPM WARN: fan mode is not set!\n0', { name: '15W', id: 0 }, null],
    ['carriage returns', 'NV Power Mode: 25W\r\n1\r\n', { name: '25W', id: 1 }, null],
    ['nothing', '', null, null],
    ['something else', 'Segmentation fault', null, null],
  ];
  for (const [what, text, mode, fanMode] of queries) {
    it(`asked for the mode: ${what}`, () => {
      const answer = parseAnswer(text);
      assert.deepEqual(answer.mode, mode);
      assert.equal(answer.fanMode, fanMode);
      assert.equal(answer.asksForReboot, false);
    });
  }

  it('asking for a reboot', () => {
    const answer = parseAnswer(`NVPM WARN: Golden image context is already created
NVPM WARN: Reboot required for changing to this power mode: 0
NVPM WARN: DO YOU WANT TO REBOOT NOW? enter YES/yes to confirm:
NVPM ERROR: bad input!
NVPM ERROR: optMask is 1, no request for power mode`);
    assert.equal(answer.asksForReboot, true);
    assert.equal(answer.isRebooting, false);
    assert.deepEqual(answer.errors, ['bad input!', 'optMask is 1, no request for power mode']);
    assert.equal(answer.warnings.length, 3);
    assert.equal(parseAnswer('NVPM WARN: rebooting').isRebooting, true);
  });

  it('asked verbosely: each value that is wanted and the one found', () => {
    const query = parseVerboseQuery(`NVPM VERB: parsing done for /etc/nvpmodel.conf
NVPM VERB: Current mode: NV Power Mode: MAXN
0
NVPM VERB: PM_CONFIG: DEFAULT=MAXP_CORE_ARM(3)
NVPM VERB: ACTIVE=MAXN(0)
NVPM VERB: POWER_MODEL: ID=0 NAME=MAXN
NVPM VERB: /sys/devices/system/cpu/cpu1/online 1
NVPM VERB: value = 1
NVPM VERB: /sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq 0
NVPM VERB: value = 345600
NVPM VERB: /sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq 2035200`);
    assert.deepEqual(query.mode, { name: 'MAXN', id: 0 });
    assert.deepEqual(query.defaultMode, { name: 'MAXP_CORE_ARM', id: 3 });
    const cpu0 = '/sys/devices/system/cpu/cpu0/cpufreq';
    assert.deepEqual(query.values, [
      { path: '/sys/devices/system/cpu/cpu1/online', requested: '1', found: '1' },
      { path: `${cpu0}/scaling_min_freq`, requested: '0', found: '345600' },
      { path: `${cpu0}/scaling_max_freq`, requested: '2035200', found: null },
    ]);
  });

  it('listing its modes: names, numbers, values, and "no limit" as such', () => {
    const listing = parseVerboseListing(`NVPM VERB: PARAM TYPE=FILE NAME=CPU_ONLINE
NVPM VERB: POWER_MODEL: ID=0 NAME=MODE_15W_2CORE
NVPM VERB: CPU_A57 MAX_FREQ 2147483647
NVPM VERB: CPU_ONLINE CORE_1 1
NVPM VERB: POWER_MODEL: ID=5 NAME=MODE_10W_DESKTOP
NVPM VERB: PM_CONFIG: DEFAULT=MODE_15W_2CORE(0)`);
    assert.deepEqual(listing, {
      modes: [
        {
          id: 0,
          name: 'MODE_15W_2CORE',
          values: [
            { parameter: 'CPU_A57', argument: 'MAX_FREQ', value: null },
            { parameter: 'CPU_ONLINE', argument: 'CORE_1', value: '1' },
          ],
        },
        { id: 5, name: 'MODE_10W_DESKTOP', values: [] },
      ],
      defaultMode: { name: 'MODE_15W_2CORE', id: 0 },
    });
  });

  it('in its status file', () => {
    assert.equal(parseStatusFile('pmode:0002 fmode:fan_mode_quiet'), 2);
    assert.equal(parseStatusFile('pmode:0001'), 1);
    assert.equal(parseStatusFile(''), null);
    assert.equal(parseStatusFile('fmode:cool'), null);
  });
});

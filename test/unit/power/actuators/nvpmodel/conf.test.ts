import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseNvpmodelConf, type NvpmodelConf } from '../../../../../src/power/actuators/nvpmodel/conf';
import { isEcomapError } from '../../../../../src/signals/errors';
import { agxXavier, confText, orinNanoSuper, xavierNx } from '../jetson-boards';

const minimal = `< PARAM TYPE=CLOCK NAME=GPU >
MAX_FREQ /sys/gpu/max_freq
< POWER_MODEL ID=3 NAME=LOW >
GPU MAX_FREQ 100
`;

const refused =
  (text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === 'INVALID_CONFIG' && text.test(error.message);

describe('Configuration of nvpmodel', () => {
  for (const [name, board] of Object.entries({ agxXavier, orinNanoSuper, xavierNx })) {
    it(`of the kind that ${name} has: all modes with their numbers and names, the default by name`, () => {
      const conf = parseNvpmodelConf(confText(board), 'nvpmodel.conf');
      assert.deepEqual(
        conf.modes.map((mode) => [mode.id, mode.name]),
        board.modes.map((mode) => [mode.id, mode.name]),
      );
      assert.equal(conf.defaultMode, board.modes.find(({ id }) => id === board.defaultId)?.name);
      assert.equal(conf.defaultFanMode, 'quiet');
      assert.deepEqual(conf.remarks, []);
    });
  }

  it('keeps both places of a file that moves with the next kernel', () => {
    const conf = parseNvpmodelConf(confText(agxXavier), 'nvpmodel.conf');
    const gpu = conf.parameters.find(({ name }) => name === 'GPU');
    assert.deepEqual(gpu?.arguments.find(({ name }) => name === 'MAX_FREQ')?.paths, [
      '/sys/devices/earlier.gv11b/devfreq/earlier.gv11b/max_freq',
      `${agxXavier.gpuFolder}/max_freq`,
    ]);
  });

  it('reads sections without the space before ">", and those of hwmon', () => {
    const conf = parseNvpmodelConf(confText(agxXavier), 'nvpmodel.conf');
    assert.deepEqual(
      conf.parameters.filter(({ name }) => ['EMC', 'GPU', 'VDDIN_OC_LIMIT'].includes(name)).map(({ type }) => type),
      ['CLOCK', 'CLOCK', 'HWMON'],
    );
    const limit = conf.parameters.find(({ name }) => name === 'VDDIN_OC_LIMIT');
    assert.equal(limit?.arguments[0]?.hwmonFile, 'curr1_max');
  });

  it('takes a file with EMC as TYPE=FILE', () => {
    const text = minimal.replace('TYPE=CLOCK NAME=GPU', 'TYPE=FILE NAME=EMC').replace('GPU MAX', 'EMC MAX');
    assert.equal(parseNvpmodelConf(text, 'f').parameters[0]?.type, 'FILE');
  });

  const oddDefaults: [string, string, RegExp][] = [
    ['absent', '', /no default mode is given/],
    ['of another number', '< PM_CONFIG DEFAULT=9 >', /line 5: the default mode "9" is none of the modes/],
    ['without DEFAULT', '< PM_CONFIG >', /line 5: PM_CONFIG names no default mode/],
  ];
  for (const [what, line, remark] of oddDefaults) {
    it(`does not mind a PM_CONFIG ${what}, and says so`, () => {
      const conf = parseNvpmodelConf(minimal + line, 'f');
      assert.equal(conf.defaultMode, null);
      assert.match(conf.remarks.join('\n'), remark);
    });
  }

  it('takes a default mode by its name', () => {
    assert.equal(parseNvpmodelConf(`${minimal}<PM_CONFIG DEFAULT=LOW>`, 'f').defaultMode, 'LOW');
  });

  it('leaves out sections that it does not know, and says so', () => {
    const conf = parseNvpmodelConf(`${minimal}< FUTURE X=1 >\nwhatever it says\n`, 'f');
    assert.match(conf.remarks.join('\n'), /line 5: section "FUTURE" is not known/);
  });

  const broken: [string, string, RegExp][] = [
    ['nothing', '', /f: it holds no POWER_MODEL/],
    ['only comments', '# nothing\n\n# more', /it holds no POWER_MODEL/],
    ['text before the first section', 'GPU MAX_FREQ 1', /f, line 1: "GPU MAX_FREQ 1" stands before/],
    ['a section that is not closed', `${minimal}< POWER_MODEL ID=1 NAME=X`, /line 5: .* has no closing ">"/],
    ['an ID that is no number', `${minimal}< POWER_MODEL ID=one NAME=X >`, /line 5: .*ID: not a whole number/],
    ['a negative ID', `${minimal}< POWER_MODEL ID=-1 NAME=X >`, /line 5: .*ID: not a whole number/],
    ['a mode without a name', `${minimal}< POWER_MODEL ID=1 >`, /line 5: .*NAME/],
    ['the same ID twice', `${minimal}< POWER_MODEL ID=3 NAME=X >`, /line 5: mode 3 X has the number or the name/],
    ['the same name twice', `${minimal}< POWER_MODEL ID=4 NAME=LOW >`, /line 5: mode 4 LOW has the number or the name/],
    ['the same parameter twice', `${minimal}< PARAM TYPE=FILE NAME=GPU >`, /line 5: parameter GPU is defined a second/],
    ['a value without a number', `${minimal}GPU MAX_FREQ`, /line 5: .*PARAMETER ARGUMENT VALUE/],
    [
      'a value of nothing that is defined',
      `${minimal}CPU MAX_FREQ 1`,
      /line 5: mode LOW sets CPU MAX_FREQ, which no PARAM/,
    ],
    ['an attribute without "="', '< PARAM CLOCK >', /line 1: "CLOCK" is not of the form KEY=VALUE/],
    [
      'a path that is not absolute',
      '< PARAM TYPE=FILE NAME=X >\nA ../etc/passwd',
      /line 2: .* is not an absolute path/,
    ],
    ['hwmon without its file', '< PARAM TYPE=HWMON NAME=X >\nA /sys/x', /line 2: .*ARGUMENT FOLDER FILE/],
  ];
  for (const [what, text, message] of broken) {
    it(`with ${what} is refused with the line`, () => {
      assert.throws(() => parseNvpmodelConf(text, 'f'), refused(message));
    });
  }

  it('says the same whatever the white space, comments and line ends', () => {
    const word = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/).filter((name) => !name.endsWith('_KNEXT'));
    const path = fc.stringMatching(/^\/[a-z0-9./_-]{1,20}$/);
    const parameter = fc.record({
      name: word,
      type: fc.constantFrom('FILE' as const, 'CLOCK' as const, 'HWMON' as const),
      arguments: fc.uniqueArray(
        fc.record({ name: word, paths: fc.array(path, { minLength: 1, maxLength: 2 }), hwmonFile: word }),
        { selector: ({ name }) => name, minLength: 1, maxLength: 3 },
      ),
    });
    const written = fc.record({
      parameters: fc.uniqueArray(parameter, { selector: ({ name }) => name, minLength: 1, maxLength: 4 }),
      modes: fc.uniqueArray(fc.record({ id: fc.nat(99), name: word, picks: fc.array(fc.nat(99), { maxLength: 5 }) }), {
        comparator: (a, b) => a.id === b.id || a.name === b.name,
        minLength: 1,
        maxLength: 4,
      }),
      spaces: fc.array(fc.stringMatching(/^[ \t]{0,3}$/), { minLength: 1, maxLength: 20 }),
      comments: fc.array(fc.constantFrom('', '# a comment', '#', ' # < POWER_MODEL ID=0 NAME=NO >'), { minLength: 1 }),
      lineEnd: fc.constantFrom('\n', '\r\n', '\n\n'),
    });
    fc.assert(
      fc.property(written, ({ parameters, modes, spaces, comments, lineEnd }) => {
        const conf: NvpmodelConf = {
          parameters: parameters.map((entry) => ({
            ...entry,
            arguments: entry.arguments.map((argument) => ({
              ...argument,
              hwmonFile: entry.type === 'HWMON' ? argument.hwmonFile : null,
            })),
          })),
          modes: modes.map(({ id, name, picks }) => ({
            id,
            name,
            values: picks.flatMap((pick) => {
              const chosen = parameters[pick % parameters.length];
              const argument = chosen?.arguments[pick % chosen.arguments.length];
              return chosen === undefined || argument === undefined
                ? []
                : [{ parameter: chosen.name, argument: argument.name, value: String(pick - 1) }];
            }),
          })),
          defaultMode: modes.at(-1)?.name ?? null,
          defaultFanMode: null,
          remarks: [],
        };
        let turn = 0;
        const space = (): string => spaces[(turn += 1) % spaces.length] ?? '';
        const gap = (): string => ` ${space()}`;
        const header = (kind: string, fields: Record<string, string | number>): string =>
          `<${space()}${kind}${Object.entries(fields)
            .map(([key, value]) => `${gap()}${key}=${value}`)
            .join('')}${space()}>`;
        const lines = conf.parameters.flatMap(({ name, type, arguments: args }) => [
          header('PARAM', { TYPE: type, NAME: name }),
          ...args.flatMap((argument) =>
            argument.paths.map((place, index) =>
              [index === 0 ? argument.name : `${argument.name}_KNEXT`, place, argument.hwmonFile ?? '']
                .join(gap())
                .trimEnd(),
            ),
          ),
        ]);
        for (const { id, name, values } of conf.modes) {
          lines.push(header('POWER_MODEL', { ID: id, NAME: name }));
          for (const { parameter: set, argument, value } of values) lines.push([set, argument, value].join(gap()));
        }
        lines.push(header('PM_CONFIG', { DEFAULT: conf.modes.at(-1)?.id ?? 0 }));
        const text = lines
          .map((line, index) => `${space()}${line}${space()}${comments[index % comments.length] ?? ''}`)
          .join(lineEnd);
        assert.deepEqual(parseNvpmodelConf(text, 'f'), conf);
      }),
      { seed: 41, numRuns: 150 },
    );
  });

  it('answers any text with modes or a refusal', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '<',
        '>',
        '< PARAM',
        'TYPE=',
        'FILE',
        'NAME=',
        'X',
        '\n',
        ' ',
        '#',
        '< POWER_MODEL ID=1 NAME=A >',
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          assert.ok(parseNvpmodelConf(pieces.join(''), 'f').modes.length > 0);
        } catch (error) {
          assert.ok(isEcomapError(error) && error.code === 'INVALID_CONFIG', String(error));
        }
      }),
      { seed: 42, numRuns: 300 },
    );
  });
});

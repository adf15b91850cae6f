import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const rooms = ['carbon', 'power', 'models', 'mapping', 'selection', 'inference', 'simulation', 'loop', 'node-red'];

const noSupervision = {
  selector: 'ImportDeclaration[source.value=/\\.\\.\\/(hosting|serving|stages|plans|executor)/]',
  message: 'Child processes load this: nothing of what supervises them.',
};
const noRuntime = {
  selector: 'ImportDeclaration[source.value=/\\/runtime$/]',
  message: 'Only the entry points of child processes load the runtime.',
};

const noSession = {
  selector: 'ImportDeclaration[importKind!="type"][source.value=/\\/planner\\/estimator-session$/]',
  message: 'It loads the runtime: only the child process of the planner imports it.',
};

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.node-red/', '.cache/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  { files: ['scripts/**/*.mjs', 'recipe/**/*.mjs', '*.mjs'], languageOptions: { globals: globals.node } },
  {
    files: ['scripts/**/*.cjs', 'test/**/*.cjs'],
    languageOptions: { globals: globals.node, sourceType: 'commonjs' },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
    },
  },
  // The rooms of the house: what two rooms share lives in src/signals (and src/models, the files themselves);
  // only src/loop composes rooms, only src/node-red knows Node-RED, only the host loads onnxruntime.
  ...rooms
    .filter((room) => !['loop', 'node-red'].includes(room))
    .map((room) => ({
      files: [`src/${room}/**/*.ts`],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                regex: `\\.\\./(${rooms.filter((other) => other !== room && other !== 'models').join('|')})/`,
                message: 'Rooms meet in src/signals or src/loop.',
              },
              { regex: '^(node-red|@node-red/)', message: 'Only src/node-red knows Node-RED.' },
            ],
          },
        ],
      },
    })),
  // The planner's child process runs the estimator: it alone, of its room, may load the runtime.
  {
    files: ['src/mapping/planner/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `\\.\\./(?!inference/runtime$)(${rooms.filter((other) => !['mapping', 'models'].includes(other)).join('|')})/`,
              message: 'Rooms meet in src/signals or src/loop.',
            },
            { regex: '^(node-red|@node-red/)', message: 'Only src/node-red knows Node-RED.' },
          ],
        },
      ],
    },
  },
  // What runs natively belongs to the child processes, and one file each loads it. (The rule of typescript-eslint, because of two
  // settings of the same rule only the last would hold.)
  {
    files: ['src/**/*.ts', 'nodes/**/*.ts'],
    ignores: ['src/inference/runtime.ts', 'src/inference/host/image-decoder.ts', 'src/mapping/training/jax.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'onnxruntime-node', message: 'Only src/inference/runtime.ts loads it.' },
            { name: 'sharp', message: 'Only src/inference/host/image-decoder.ts loads it.' },
            { name: '@jax-js/jax', message: 'Only src/mapping/training/jax.ts loads it.' },
          ],
        },
      ],
    },
  },
  // A child process computes and knows nothing of what supervises it; what supervises it never loads the runtime.
  ...[
    {
      files: ['src/{loop,node-red,mapping}/**/*.ts'],
      ignores: ['src/mapping/planner/main.ts'],
      rules: [noSession],
    },
    { files: ['src/inference/host/**/*.ts'], rules: [noSupervision] },
    { files: ['src/inference/{tensors,shared-memory,channel}/**/*.ts'], rules: [noSupervision, noRuntime] },
    {
      files: ['src/inference/*.ts', 'src/inference/{hosting,serving,stages,plans}/**/*.ts', 'nodes/**/*.ts'],
      rules: [noRuntime, noSession],
    },
  ].map(({ files, ignores = [], rules }) => ({
    files,
    ignores,
    rules: { 'no-restricted-syntax': ['error', ...rules] },
  })),
  {
    files: ['src/signals/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: `\\.\\./(${rooms.join('|')})/` }] }] },
  },
);

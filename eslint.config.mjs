import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const rooms = ['carbon', 'power', 'models', 'mapping', 'selection', 'inference', 'simulation', 'loop', 'node-red'];

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.node-red/', '.cache/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  { files: ['scripts/**/*.mjs', '*.mjs'], languageOptions: { globals: globals.node } },
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
  {
    files: ['src/signals/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: `\\.\\./(${rooms.join('|')})/` }] }] },
  },
);

import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const roomsAbove = (...rooms) => rooms.map((room) => `**/${room}/**`);
const rooms = ['carbon', 'power', 'models', 'mapping', 'selection', 'inference', 'simulation', 'loop', 'node-red'];

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.node-red/', '.cache/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  { files: ['scripts/**/*.mjs', '*.mjs'], languageOptions: { globals: globals.node } },
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
    },
  },
  // The rooms of the house: what two rooms share lives in src/signals; only src/loop composes rooms, only src/node-red knows RED.
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
                group: [
                  ...roomsAbove(
                    ...rooms.filter((other) => other !== room && !(other === 'models')).map((r) => `../${r}`),
                  ),
                  'node-red',
                  '@node-red/*',
                ],
              },
            ],
          },
        ],
      },
    })),
  {
    files: ['src/signals/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: rooms.map((room) => `**/${room}/*`) }] },
  },
);

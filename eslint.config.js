import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Rooms of the server from the bottom up. A room may import what stands below it, and types of its neighbours. */
const layers = [
  ['settings', 'logging', 'processes'],
  ['native'],
  ['store', 'chunking', 'inference', 'workspace'],
  ['indexing', 'retrieval'],
  ['host'],
  ['session'],
  ['daemon'],
  ['cli'],
];
const rooms = layers.flat();

/** Each foreign API has one room that may name it. */
const gates = [
  { name: 'onnxruntime-node', room: 'server/src/inference' },
  { name: 'chokidar', room: 'server/src/workspace' },
  { name: 'ignore', room: 'server/src/workspace' },
  { name: 'tree-sitter', room: 'server/src/chunking' },
  { name: 'vscode', room: 'client' },
];

/** The highest room may import all others. */
const layerZones = layers.slice(0, -1).flatMap((layer, level) =>
  layer.map((room) => ({
    target: `./server/src/${room}`,
    from: rooms
      .filter((other) => other !== room && layers.findIndex((names) => names.includes(other)) >= level)
      .map((other) => `./server/src/${other}`),
    except: ['./types.ts'],
    message: 'Imports point down the list of rooms in docs/architecture.md, never up or sideways.',
  })),
);

const gateRules = [...new Set([...gates.map(({ room }) => room), 'server/src/retrieval'])];

/** What the files of one room may not name; without a room, what files elsewhere may not. */
function restrictions(room) {
  const closed = gates.filter((gate) => gate.room !== room);
  const reader = room === 'server/src/retrieval';
  return {
    'no-restricted-imports': [
      'error',
      {
        paths: [
          ...closed.map(({ name, room: owner }) => ({ name, message: `Only ${owner}/ imports ${name}.` })),
          ...(reader
            ? ['fs', 'node:fs', 'fs/promises', 'node:fs/promises'].map((name) => ({
                name,
                message: 'retrieval/ never reads a file.',
              }))
            : []),
        ],
        patterns: [{ group: ['*.node'], message: 'Only server/src/native loads the Rust addon.' }],
      },
    ],
    'no-restricted-syntax': [
      'error',
      ...closed.map(({ name, room: owner }) => ({
        selector: `CallExpression > Literal[value="${name}"]`,
        message: `Only ${owner}/ loads ${name}.`,
      })),
    ],
  };
}

export default defineConfig(
  {
    ignores: [
      'dist/',
      'native/',
      'coverage/',
      '.cache/',
      'test/fixtures/',
      'test/artifacts/',
      'syntaxes/*/fixtures/',
      '**/*.d.ts',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.mjs', '.js', '.json'] })] },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: [
            { target: './protocol', from: ['./server', './client'], message: 'protocol/ stands by itself.' },
            { target: './client', from: './server', message: 'client/ knows the server through protocol/ only.' },
            { target: './server', from: './client', message: 'The server knows no editor.' },
            {
              target: ['./server', './client', './protocol'],
              from: ['./test', './bench'],
              message: 'Product code knows no tests.',
            },
            { target: './server/src/!(main.ts)', from: './server/src/main.ts', message: 'main.ts is the entry.' },
            ...layerZones,
          ],
        },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // A leading underscore says that a name is there for its position only.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A number prints as itself; what the rule is there for (objects, undefined) stays forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Promises of the test runner and of fire-and-forget timers are marked with `void`, which says so.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      eqeqeq: 'error',
      'no-console': 'error',
      ...restrictions(undefined),
    },
  },
  ...gateRules.map((room) => ({ files: [`${room}/**/*.ts`], rules: restrictions(room) })),
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    // Tests may look behind the gates.
    rules: { 'no-restricted-imports': 'off', 'no-restricted-syntax': 'off', 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: {
      ecmaVersion: 'latest',
      globals: Object.fromEntries(
        [
          'AbortController',
          'AbortSignal',
          'Buffer',
          'TextDecoder',
          'URL',
          'clearInterval',
          'clearTimeout',
          'console',
          'document',
          'fetch',
          'performance',
          'process',
          'queueMicrotask',
          'require',
          'module',
          'setImmediate',
          'setInterval',
          'setTimeout',
          'structuredClone',
          'window',
        ].map((name) => [name, 'readonly']),
      ),
    },
    rules: { eqeqeq: 'error' },
  },
);

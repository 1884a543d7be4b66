import tseslint from 'typescript-eslint';

const CLOCKS_AND_TIMERS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'performance',
  'process',
  'crypto',
];

const noClockNoRandomness = {
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'A core gets `now` from its driver.' },
    { object: 'Math', property: 'random', message: 'A core gets its randomness injected.' },
  ],
};

const restrictedImports = (...extra) => [
  'error',
  {
    patterns: [
      {
        regex: '^@flowring/(?!libdev/(posix|testing)$)[^/]+/.+',
        message: "Import a package's public entry, not its files.",
      },
      ...extra,
    ],
  },
];

const noNode = { regex: '^node:', message: 'No Node module on this floor.' };

/** Pure floors: `(state, input, now) -> outputs`. */
const core = (files, { imports = [], globals = [] } = {}) => ({
  files,
  rules: {
    ...noClockNoRandomness,
    'no-restricted-globals': ['error', ...CLOCKS_AND_TIMERS, 'Promise', 'console', ...globals],
    'no-restricted-imports': restrictedImports(noNode, ...imports),
    'no-restricted-syntax': [
      'error',
      { selector: ':function[async=true]', message: 'A core is synchronous.' },
      { selector: "NewExpression[callee.name='Date']", message: 'A core gets `now` from its driver.' },
    ],
  },
});

const typed = {
  files: ['packages/*/src/**/*.ts', 'examples/src/**/*.ts'],
  extends: [tseslint.configs.strictTypeChecked],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  rules: {
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'prefer-const': 'error',
    'no-restricted-imports': restrictedImports(),
    '@typescript-eslint/consistent-type-imports': 'error',
    '@typescript-eslint/switch-exhaustiveness-check': [
      'error',
      { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
    ],
    // Indexed access is checked by the compiler (noUncheckedIndexedAccess); `!` states a proven bound.
    '@typescript-eslint/no-non-null-assertion': 'off',
    '@typescript-eslint/no-confusing-void-expression': 'off',
    '@typescript-eslint/restrict-template-expressions': [
      'error',
      { allowNumber: true, allowBoolean: true, allowNullish: true },
    ],
    // It believes that a call leaves every narrowed field as it was; ours are state machines.
    '@typescript-eslint/no-unnecessary-condition': 'off',
    '@typescript-eslint/no-misused-spread': 'off',
    '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    '@typescript-eslint/no-dynamic-delete': 'off',
    '@typescript-eslint/unified-signatures': 'off',
    '@typescript-eslint/no-invalid-void-type': 'off',
    '@typescript-eslint/require-await': 'off',
  },
};

const untyped = {
  files: ['**/*.mjs', 'packages/*/test/**/*.ts', 'test/**/*.ts', 'examples/test/**/*.ts'],
  extends: [tseslint.configs.strict],
  rules: {
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'prefer-const': 'error',
    '@typescript-eslint/no-non-null-assertion': 'off',
    '@typescript-eslint/no-empty-function': 'off',
    '@typescript-eslint/no-dynamic-delete': 'off',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  },
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'coverage/**', 'bench/results/**'] },
  typed,
  untyped,
  core(['packages/frcp/src/**/*.ts'], {
    imports: [{ regex: '^[^.]', message: 'frcp imports nothing.' }],
    globals: ['Buffer'],
  }),
  core(['packages/{irmd,ipcpd}/src/core/**/*.ts'], { globals: ['Buffer'] }),
  // The channel's contract hands out slabs as Buffers.
  core(['packages/{channel,datagram}/src/core/**/*.ts']),
  {
    files: ['packages/common/src/**/*.ts'],
    rules: {
      ...noClockNoRandomness,
      'no-restricted-globals': ['error', ...CLOCKS_AND_TIMERS, 'console'],
      'no-restricted-imports': restrictedImports(noNode),
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/*/src/bin/**'],
    rules: { 'no-console': 'error' },
  },
);

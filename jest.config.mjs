const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    },
  ],
};

const base = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  moduleNameMapper: {
    '^@flowring/([a-z]+)$': '<rootDir>/packages/$1/src/index.ts',
    '^@flowring/([a-z]+)/([a-z]+)$': '<rootDir>/packages/$1/src/$2.ts',
  },
};

const project = (displayName, ...testMatch) => ({
  ...base,
  displayName,
  testMatch: testMatch.map((glob) => `<rootDir>/${glob}`),
});

/** @type {import('jest').Config} */
export default {
  // Only here, not in a project, does jest heed it. It bounds what hangs; nothing is measured with it.
  testTimeout: 180_000,
  // Never in jest's own process: zeromq, loaded anew for each test file, would keep it from ending. With a limit of
  // memory jest takes workers even for a few fast files; it ends a worker that does not end by itself.
  maxWorkers: 2,
  workerIdleMemoryLimit: '2GB',
  projects: [
    project('unit', 'packages/*/test/**/*.test.ts', 'test/fuzz/**/*.test.ts'),
    project('tidy', 'test/tidy/**/*.test.ts'),
    project('sim', 'test/sim/**/*.test.ts', 'test/mutants/**/*.test.ts'),
    project('conformance', 'test/conformance/**/*.test.ts'),
    project('process', 'test/process/**/*.test.ts', 'examples/test/**/*.test.ts'),
    project('netns', 'test/netns/**/*.test.ts'),
  ],
};

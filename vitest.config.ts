import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: [
      '{server,client,protocol,scripts,bench}/**/*.test.ts',
      'test/{contract,load,model,protocol,quality}/**/*.test.ts',
    ],
    // Native addons and child processes do not share a process with other tests.
    pool: 'forks',
    // Slow machines run tests that start processes and wait for file-system events.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
});

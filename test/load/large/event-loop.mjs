/**
 * Preloaded into every process of a measurement (`NODE_OPTIONS=--import`): writes the delays of the event loop, in
 * milliseconds, to EVENT_LOOP_FOLDER/PID.json whenever EVENT_LOOP_FOLDER/write is newer than what was written.
 */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const folder = process.env.EVENT_LOOP_FOLDER;
if (folder !== undefined && process.argv.includes('daemon')) {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  let written = 0;
  setInterval(() => {
    let asked;
    try {
      asked = statSync(join(folder, 'write')).mtimeMs;
    } catch {
      return;
    }
    if (asked <= written) return;
    written = asked;
    const milliseconds = (nanoseconds) => nanoseconds / 1e6;
    writeFileSync(
      join(folder, `${process.pid}.json`),
      JSON.stringify({
        // The timer's own period is part of what is measured.
        p50: milliseconds(delays.percentile(50)) - 5,
        p99: milliseconds(delays.percentile(99)) - 5,
        max: milliseconds(delays.max) - 5,
        count: delays.count,
      }),
    );
    delays.reset();
    // Its timer would count as idle work.
    delays.disable();
  }, 250).unref();
}

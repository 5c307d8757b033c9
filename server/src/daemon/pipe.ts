import { connectOrStart } from './connect.ts';

/** `tiercel lsp --stdio`: joins this process's standard input and output to the server. Resolves when either side ends. */
export async function pipeStdio(mainFile: string): Promise<void> {
  const socket = await connectOrStart(mainFile);
  await new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
    // A lost server closes the socket right after; the client notices the end of the stream.
    socket.on('error', (error) => {
      process.stderr.write(`tiercel: ${error.message}\n`);
    });
    process.stdout.on('error', () => {
      socket.destroy();
    });
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
  });
}

import { messageOf } from '../../../protocol/errors.ts';
import { chunkFile } from './chunk-file.ts';
import { encodeFrame, FrameReader } from '../processes/framing.ts';
import { isParseRequest, type ParseReply, type ParseRequest } from './messages.ts';

/**
 * A parse process: reads requests from stdin, one frame each, and answers them in order on stdout, which carries
 * nothing else. Ends when stdin is closed. What it cannot survive (a grammar that crashes or hangs) is its owner's
 * business, see {@link createChunker}.
 */
export async function runParseProcess(): Promise<void> {
  const reader = new FrameReader();
  reply({ kind: 'ready' });
  for await (const piece of process.stdin) {
    if (!Buffer.isBuffer(piece)) continue;
    for (const message of reader.push(piece)) {
      if (isParseRequest(message)) reply(answer(message));
    }
  }
}

function answer(request: ParseRequest): ParseReply {
  try {
    const result = chunkFile(request);
    return { kind: 'done', id: request.id, result, rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    return { kind: 'failed', id: request.id, message: messageOf(error), rssBytes: process.memoryUsage.rss() };
  }
}

function reply(message: ParseReply): void {
  process.stdout.write(encodeFrame(message));
}

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadFile, type Downloaded, type DownloadOptions } from './download.ts';
import { diskError } from './files.ts';
import { proxyFor } from './transport.ts';

const content = Buffer.alloc(300_000, 'weights of a model ');
const sha256 = createHash('sha256').update(content).digest('hex');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let address: string;
let folder: string;
let path: string;
let answer: Answer;
let requests: IncomingMessage[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiercel-download-'));
  path = join(folder, 'model', 'model.onnx');
  requests = [];
  answer = whole;
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function download(more: Partial<DownloadOptions> = {}): Promise<Downloaded> {
  const signal = new AbortController().signal;
  return downloadFile({ url: `${address}/model.onnx`, path, signal, retryMs: 1, environment: {}, ...more });
}

/** A server that knows ranges, as those of models do. */
function whole(request: IncomingMessage, response: ServerResponse, most = content.length): void {
  const from = request.headers['if-range'] === '"one"' ? Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0) : 0;
  const length = content.length - from;
  const headers = { etag: '"one"', 'content-length': length };
  if (from > 0) {
    const range = `bytes ${String(from)}-${String(content.length - 1)}/${String(content.length)}`;
    response.writeHead(206, { ...headers, 'content-range': range });
  } else {
    response.writeHead(200, headers);
  }
  const part = content.subarray(from, from + most);
  if (part.length === length) response.end(part);
  else response.write(part, () => response.destroy());
}

const truncated: Answer = (request, response) => {
  whole(request, response, 70_000);
};

async function partSize(): Promise<number> {
  return (await stat(`${path}.part`)).size;
}

describe('a download', () => {
  it('is in place when it is whole, with its hash and progress', async () => {
    const seen: (number | undefined)[][] = [];
    const got = await download({ sha256, bytes: content.length, onProgress: (...state) => seen.push(state) });
    expect(got).toEqual({ sha256, bytes: content.length });
    expect(await readFile(path)).toEqual(content);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
    expect(await readdir(join(folder, 'model'))).toEqual(['model.onnx']);
  });

  it('goes on where a truncated one broke off', async () => {
    answer = truncated;
    expect(await download({ sha256, attempts: 10 })).toEqual({ sha256, bytes: content.length });
    expect(requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=70000-',
      'bytes=140000-',
      'bytes=210000-',
      'bytes=280000-',
    ]);
  });

  it('keeps what came when it gives up, and a later call needs the rest only', async () => {
    answer = truncated;
    await expect(download({ attempts: 2 })).rejects.toMatchObject({
      code: 'RetryLater',
      message: expect.stringMatching(/broke after .*goes on from there/) as string,
    });
    expect(await partSize()).toBe(140_000);
    answer = whole;
    expect((await download({ sha256 })).bytes).toBe(content.length);
    expect(requests.at(-1)?.headers.range).toBe('bytes=140000-');
  });

  it('begins anew when the file on the server is another one meanwhile', async () => {
    answer = truncated;
    await expect(download({ attempts: 1 })).rejects.toMatchObject({ code: 'RetryLater' });
    const other = Buffer.alloc(1000, 'other');
    answer = (_request, response) => {
      response.writeHead(200, { etag: '"two"', 'content-length': other.length }).end(other);
    };
    await download();
    expect(await readFile(path)).toEqual(other);
  });

  it('throws content of a wrong hash away and leaves what was there', async () => {
    await download();
    const wrong = 'f'.repeat(64);
    await expect(download({ sha256: wrong })).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining(`SHA-256 ${sha256}, expected ${wrong}`) as string,
    });
    expect(await readFile(path)).toEqual(content);
    expect(await readdir(join(folder, 'model'))).toEqual(['model.onnx']);
  });

  it('names what the server says of a missing, a locked and a failing file', async () => {
    const saying = (status: number): Answer => {
      return (_request, response) => {
        response.writeHead(status).end();
      };
    };
    answer = saying(404);
    await expect(download()).rejects.toMatchObject({
      code: 'InstallWhatIsMissing',
      message: expect.stringContaining(`There is no ${address}/model.onnx (404)`) as string,
    });
    expect(requests).toHaveLength(1);
    answer = saying(401);
    await expect(download()).rejects.toMatchObject({ code: 'FixTheMachine' });
    answer = saying(503);
    await expect(download({ attempts: 3 })).rejects.toMatchObject({ code: 'RetryLater' });
    expect(requests).toHaveLength(5);
  });

  it('bears with a slow link and gives up on a dead one', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 50 });
      let sent = 0;
      const timer = setInterval(() => {
        response.write('12345');
        sent += 5;
        if (sent === 50) {
          clearInterval(timer);
          response.end();
        }
      }, 20);
    };
    // 200 ms in all, more than a silence may take.
    expect((await download({ stallMs: 150 })).bytes).toBe(50);
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 50 }).write('12345');
    };
    await expect(download({ stallMs: 100, attempts: 1 })).rejects.toMatchObject({
      code: 'RetryLater',
      message: expect.stringContaining('nothing came for 0.1 s') as string,
    });
    answer = () => undefined;
    await expect(download({ stallMs: 100, attempts: 1 })).rejects.toMatchObject({ code: 'RetryLater' });
  });

  it('stops when it is cancelled and can go on later', async () => {
    const stop = new AbortController();
    answer = (_request, response) => {
      response.writeHead(200, { etag: '"one"', 'content-length': content.length }).write(content.subarray(0, 100_000));
    };
    const under = download({
      signal: stop.signal,
      onProgress: (done) => {
        if (done === 100_000) stop.abort();
      },
    });
    await expect(under).rejects.toMatchObject({ code: 'Cancelled' });
    await expect(download({ signal: stop.signal })).rejects.toMatchObject({ code: 'Cancelled' });
    answer = whole;
    expect((await download({ sha256 })).bytes).toBe(content.length);
  });

  it('takes no more than it was told, and no more than the disk has room for', async () => {
    await expect(download({ bytes: 1000 })).rejects.toMatchObject({ code: 'InstallWhatIsMissing' });
    answer = (_request, response) => {
      // No length: it would go on for ever.
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.write(content);
      response.write(content);
    };
    await expect(download({ bytes: content.length })).rejects.toMatchObject({
      message: expect.stringContaining('sends more than') as string,
    });
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 15 * 1024 ** 3 }).write('x');
    };
    const room = async (): Promise<unknown> => download({ attempts: 1 }).catch((error: unknown) => error);
    const { bavail, bsize } = await import('node:fs').then(({ statfsSync }) => statfsSync(folder));
    if (bavail * bsize < 15 * 1024 ** 3) {
      expect(await room()).toMatchObject({ code: 'FixTheMachine', message: expect.stringContaining('free') as string });
    }
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    expect(diskError(full, path)).toMatchObject({
      code: 'FixTheMachine',
      message: `${path} could not be written: the disk is full.`,
    });
  });

  it('follows redirects, and says so when nobody answers', async () => {
    answer = (request, response) => {
      if (request.url === '/model.onnx') response.writeHead(302, { location: '/cdn/1' }).end();
      else whole(request, response);
    };
    expect((await download({ sha256 })).bytes).toBe(content.length);
    answer = (_request, response) => {
      response.writeHead(302, { location: '/model.onnx' }).end();
    };
    await expect(download()).rejects.toMatchObject({ message: expect.stringContaining('without end') as string });
    await expect(download({ url: 'http://127.0.0.1:1/x', attempts: 1 })).rejects.toMatchObject({
      code: 'RetryLater',
      message: expect.stringContaining('--from FOLDER') as string,
    });
    await expect(download({ url: 'ftp://example.org/x' })).rejects.toMatchObject({ code: 'FixTheCall' });
  });
});

describe('a proxy', () => {
  it('is asked for plain addresses, with name and password', async () => {
    const environment = { HTTP_PROXY: address.replace('://', '://ada:se%20cret@') };
    await download({ url: 'http://models.example/m.onnx', environment, sha256 });
    expect(requests[0]?.url).toBe('http://models.example/m.onnx');
    expect(requests[0]?.headers.host).toBe('models.example');
    expect(requests[0]?.headers['proxy-authorization']).toBe(`Basic ${Buffer.from('ada:se cret').toString('base64')}`);
  });

  it('makes the connection for encrypted addresses, or says why not', async () => {
    const asked: string[] = [];
    let firstByte: number | undefined;
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(request.url ?? '');
      if (request.url?.startsWith('locked') === true) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.once('data', (data: Buffer) => {
        firstByte = data[0];
        socket.destroy();
      });
    });
    const environment = { https_proxy: address };
    await expect(download({ url: 'https://models.example/m.onnx', environment, attempts: 1 })).rejects.toMatchObject({
      code: 'RetryLater',
      message: expect.stringContaining('through the proxy 127.0.0.1') as string,
    });
    // A TLS handshake began inside of the tunnel.
    expect(firstByte).toBe(0x16);
    await expect(download({ url: 'https://locked.example/m.onnx', environment })).rejects.toMatchObject({
      code: 'FixTheMachine',
      message: expect.stringContaining('name and password') as string,
    });
    expect(asked).toEqual(['models.example:443', 'locked.example:443']);
  });

  it('is left out where NO_PROXY says so', () => {
    const environment = { HTTPS_PROXY: 'proxy.example:3128', NO_PROXY: 'localhost, .intern.example,*.lab' };
    const hostOf = (url: string): string | undefined => proxyFor(new URL(url), environment)?.host;
    expect(hostOf('https://models.example/')).toBe('proxy.example:3128');
    expect(hostOf('https://localhost/')).toBeUndefined();
    expect(hostOf('https://mirror.intern.example/')).toBeUndefined();
    expect(hostOf('https://intern.example/')).toBeUndefined();
    expect(hostOf('https://gpu.lab/')).toBeUndefined();
    expect(hostOf('https://notintern.example/')).toBe('proxy.example:3128');
    expect(hostOf('http://models.example/')).toBeUndefined();
    expect(proxyFor(new URL('https://a.example/'), { HTTPS_PROXY: 'p.example', NO_PROXY: '*' })).toBeUndefined();
  });
});

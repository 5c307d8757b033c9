/** One HTTP answer, through the proxy of the environment and after redirects. Node's `fetch` knows no proxy. */
import { request as plainRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as secureConnect } from 'node:tls';
import { cancelled, errorCodes, messageOf, TiercelError } from '../../../../protocol/errors.ts';

export interface FetchOptions {
  headers: Record<string, string>;
  signal: AbortSignal;
  /** No byte for so long ends the request. */
  stallMs: number;
  environment: NodeJS.ProcessEnv;
}

const mostRedirects = 5;

/** @throws TiercelError `RetryLater` when nobody answers, `FixTheCall` for an address that is none. */
export async function fetchOnce(address: string, options: FetchOptions): Promise<IncomingMessage> {
  let url = parseUrl(address);
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const response = await send(url, options);
    const { statusCode = 0, headers } = response;
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return response;
    response.resume();
    const next = parseUrl(new URL(headers.location, url).href);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new TiercelError(errorCodes.fixTheMachine, `${url.host} sends to an address without encryption: refused.`);
    }
    url = next;
  }
  throw new TiercelError(errorCodes.fixTheMachine, `${url.host} redirects without end.`);
}

function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TiercelError(errorCodes.fixTheCall, `${address} is no http or https address.`);
  }
  return url;
}

async function send(url: URL, options: FetchOptions): Promise<IncomingMessage> {
  const proxy = proxyFor(url, options.environment);
  try {
    if (proxy === undefined)
      return await answered(url.protocol === 'https:' ? secureRequest : plainRequest, url, options);
    const authorization = proxyAuthorization(proxy);
    if (url.protocol === 'http:') {
      // A proxy takes plain requests by their whole address.
      const target = { ...endOf(proxy), path: url.href, headers: { host: url.host, ...authorization } };
      return await answered(plainRequest, target, options);
    }
    const tunnel = await openTunnel(proxy, url, authorization, options);
    const createConnection = (): Socket => secureConnect({ socket: tunnel, servername: url.hostname });
    return await answered(secureRequest, { ...endOf(url), path: url.pathname + url.search, createConnection }, options);
  } catch (error) {
    if (options.signal.aborted) throw cancelled();
    if (error instanceof TiercelError) throw error;
    const through = proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
    throw new TiercelError(
      errorCodes.retryLater,
      `${url.host} could not be reached${through} (${messageOf(error)}). Without a network: tiercel models add ID --from FOLDER`,
      { cause: error, retryAfterMs: 5000 },
    );
  }
}

function endOf(url: URL): RequestOptions {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port };
}

type Requester = (options: RequestOptions | URL) => ClientRequest;

function answered(requester: Requester, target: URL | RequestOptions, options: FetchOptions): Promise<IncomingMessage> {
  const { headers, signal, stallMs } = options;
  return new Promise((resolve, reject) => {
    const own = target instanceof URL ? { ...endOf(target), path: target.pathname + target.search } : target;
    const given = own.headers as Record<string, string> | undefined;
    // A connection of its own: nothing is left open when the download ends. An agent would not ask `createConnection`.
    const agent = own.createConnection === undefined ? { agent: false } : {};
    const request = requester({ ...own, ...agent, headers: { ...given, ...headers }, signal, timeout: stallMs });
    request.on('timeout', () => {
      request.destroy(new Error(`nothing came for ${String(stallMs / 1000)} s`));
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end();
  });
}

/** The connection to `url` that a proxy makes for us. */
function openTunnel(
  proxy: URL,
  url: URL,
  authorization: Record<string, string>,
  { signal, stallMs }: FetchOptions,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = endOf(url);
    const place = `${url.hostname}:${String(port)}`;
    const requester = proxy.protocol === 'https:' ? secureRequest : plainRequest;
    const request = requester({
      ...endOf(proxy),
      method: 'CONNECT',
      path: place,
      headers: { host: place, ...authorization },
      servername: proxy.hostname,
      signal,
      agent: false,
      timeout: stallMs,
    } as RequestOptions);
    request.on('timeout', () => {
      request.destroy(new Error(`the proxy did not answer within ${String(stallMs / 1000)} s`));
    });
    request.on('connect', ({ statusCode = 0 }, socket: Socket) => {
      if (statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      const how =
        statusCode === 407 ? 'it wants a name and password in HTTPS_PROXY' : `it answered ${String(statusCode)}`;
      reject(
        new TiercelError(
          errorCodes.fixTheMachine,
          `The proxy ${proxy.host} does not let through to ${hostname ?? ''}: ${how}.`,
        ),
      );
    });
    request.on('response', ({ statusCode = 0 }: IncomingMessage) => {
      reject(new Error(`the proxy answered ${String(statusCode)}`));
      request.destroy();
    });
    request.on('error', reject);
    request.end();
  });
}

function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

/**
 * The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for an address, in either case of letters.
 *
 * @throws TiercelError `FixTheMachine` when the variable holds no address
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv): URL | undefined {
  const variable = (name: string): string => environment[name.toLowerCase()] ?? environment[name] ?? '';
  const proxy = url.protocol === 'https:' ? variable('HTTPS_PROXY') : variable('HTTP_PROXY');
  if (proxy === '') return undefined;
  const excepted = variable('NO_PROXY')
    .split(',')
    .map((part) =>
      part
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ''),
    )
    .filter((part) => part !== '');
  const host = url.hostname.toLowerCase();
  if (excepted.some((name) => name === '*' || host === name || host.endsWith(`.${name}`))) return undefined;
  const address = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (!URL.canParse(address)) {
    throw new TiercelError(errorCodes.fixTheMachine, 'The environment variable for the proxy holds no address.');
  }
  return new URL(address);
}

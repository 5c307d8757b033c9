/** Neovim, headless, speaks to the server as any LSP client does. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from './checks.mjs';
import { serverProgram } from './server.mjs';

function resultOf(answers, name) {
  const answer = answers[name];
  expect(answer !== undefined, `no answer named ${name}`);
  expect(answer.failed === undefined, `${name} failed: ${answer.failed}`);
  return answer.result;
}

const places = (result) =>
  result.hits.map(({ path: file, startLine, endLine, symbol }) => ({ file, startLine, endLine, symbol }));

/**
 * @param {import('./checks.mjs').Checks} checks
 * @param {import('./sandbox.mjs').Sandbox} sandbox
 */
export async function neovimChecks(checks, sandbox) {
  const folder = sandbox.copyWorkspace('shop', 'shop-neovim');
  const output = sandbox.path('neovim.json');
  let answers;

  await checks.check(
    'Neovim starts the server and gets an answer to everything',
    async () => {
      const result = spawnSync(
        '/usr/bin/nvim',
        ['--headless', '--clean', '-c', `luafile ${path.join(import.meta.dirname, 'neovim.lua')}`],
        {
          env: {
            ...sandbox.env,
            TIERCEL_MAIN: serverProgram(sandbox),
            TIERCEL_NODE: process.execPath,
            TIERCEL_FOLDER: folder,
            TIERCEL_OUTPUT: output,
          },
          encoding: 'utf8',
          timeout: 150_000,
        },
      );
      expect(existsSync(output), `Neovim wrote nothing: ${result.stdout}${result.stderr}`);
      answers = JSON.parse(readFileSync(output, 'utf8'));
      expect(answers.failed === undefined, answers.failed);
      expect(answers.ready === true, `the index did not become ready: ${JSON.stringify(answers.status)}`);
      return `${answers.status.result.chunks} chunks`;
    },
    160_000,
  );
  if (answers?.ready !== true) {
    return;
  }

  await checks.check('tiercel/search in Neovim: the rate limiter comes first', async () => {
    const [first] = resultOf(answers, 'search').hits;
    expect(first?.path === 'src/http/rateLimiter.ts', `first: ${JSON.stringify(first)}`);
    return `${first.path}:${first.startLine} ${first.symbol}`;
  });

  await checks.check('tiercel/similar in Neovim: the other languages, not the code itself', async () => {
    const { hits, source } = resultOf(answers, 'similar');
    const paths = hits.map((hit) => hit.path);
    expect(source.path === 'src/storage/retry.ts', `compared: ${JSON.stringify(source)}`);
    expect(paths.includes('services/mailer/retry.go') && paths.includes('tools/http_client.py'), `found: ${paths}`);
    const itself = hits.some(
      (hit) => hit.path === source.path && hit.startLine <= source.endLine && hit.endLine >= source.startLine,
    );
    expect(!itself, 'the code itself is listed');
  });

  await checks.check('tiercel/status in Neovim: ready, complete', async () => {
    const status = resultOf(answers, 'status');
    expect(
      status.phase === 'ready' && status.coverage.lexical === 1 && status.coverage.instant === 1,
      JSON.stringify(status),
    );
  });

  await checks.check('the commands of workspace/executeCommand answer the same', async () => {
    const commands = answers.capabilities.executeCommandProvider?.commands ?? [];
    for (const name of ['search', 'similar', 'status']) {
      expect(commands.includes(`tiercel/${name}`), `tiercel/${name} is not announced: ${commands}`);
    }
    for (const name of ['search', 'similar']) {
      const direct = places(resultOf(answers, name));
      const command = places(resultOf(answers, `${name}Command`));
      expect(isDeepStrictEqual(direct, command), `${name}: ${JSON.stringify({ direct, command })}`);
    }
    expect(resultOf(answers, 'statusCommand').chunks === resultOf(answers, 'status').chunks, 'status differs');
  });

  await checks.check('a wrong request is refused with a code', async () => {
    const answer = answers.badSearch;
    expect(answer.failed !== undefined, 'a limit of 0 was accepted');
    expect(answer.data?.code === 'FixTheCall', `data: ${JSON.stringify(answer.data)}`);
  });

  await checks.check('the server process of Neovim ends when Neovim leaves', async () => {
    expect(answers.exitCode === 0, `exit code ${answers.exitCode}`);
  });
}

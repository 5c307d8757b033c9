import { describe, expect, it } from 'vitest';
import { understand, type QueryKind } from './understand.ts';

describe('what kind of question it is', () => {
  const examples: [QueryKind, string[]][] = [
    ['symbol', ['Router', 'getUserName', 'parse_json', 'std::vector', 'Foo.bar()', 'empty?', 'retry', '$scope']],
    ['path', ['src/http/router.ts', './a/b', 'router.ts:42', 'lib/', 'README.md']],
    ['question', ['how are routes registered', 'where is the session cookie signed', 'wie werden Routen registriert']],
    ['description', ['Return the session of a user', 'Deserialize data as JSON read from a file']],
    ['keywords', ['session management', 'JSON response helpers', 'error handlers', 'セッションの管理 方法']],
    [
      'error',
      [
        'TypeError: undefined is not a function',
        'panic: runtime error: index out of range',
        "cannot read properties of null (reading 'x')",
        'error[E0502]: cannot borrow',
      ],
    ],
    [
      'code',
      ['for (let i = 0; i < n; i++) { sum += i; }', 'def f(x):\n    return x + 1', 'if err != nil {\n return err\n}'],
    ],
  ];
  it.each(examples)('%s', (kind, texts) => {
    for (const text of texts) expect(understand(text).kind, text).toBe(kind);
  });

  it('takes any text', () => {
    for (const text of ['', ' ', '"', '((((', '\u0000', '🙂 🙃', 'a'.repeat(20_000)]) understand(text);
  });
});

describe('what a query names', () => {
  it('are identifiers, however they are spelled', () => {
    expect([...understand('how does HttpServer call parse_json on shutdown').identifiers]).toEqual([
      'httpserver',
      'parsejson',
    ]);
    expect([...understand('retry').identifiers]).toEqual(['retry']);
    expect([...understand('how are routes registered').identifiers]).toEqual([]);
  });

  it.each([
    ['A table that maps paths to their handlers', 'thing'],
    ['Represents the state of a session', 'thing'],
    ['Base class for what reads the configuration', 'thing'],
    ['This function closes the session of a user', 'action'],
    ['A helper function that joins the paths', 'action'],
    ['Removes the session of a user', 'action'],
    ['Return the session of a user', 'action'],
    ['how are the routes of an application registered', undefined],
    ['the session', undefined],
  ])('%s: %s', (text, describes) => {
    expect(understand(text).describes).toBe(describes);
  });

  it('are the asides it asks for', () => {
    expect([...understand('unit tests of the parser').wants]).toEqual(['test']);
    expect([...understand('where are the examples documented in the readme').wants]).toEqual(['example', 'prose']);
    expect([...understand('how are routes registered').wants]).toEqual([]);
  });

  it('are languages, which are not looked for', () => {
    const asked = understand('how to read a csv file in Python');
    expect([...asked.languages]).toEqual(['python']);
    expect(asked.topic).toBe('how to read a csv file in');
    expect(understand('python version').topic).toBe('python version');
  });
});

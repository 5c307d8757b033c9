import { describe, expect, it } from 'vitest';
import { languageOf } from './languages.ts';

describe('languageOf', () => {
  it.each([
    ['a/b.ts', 'typescript'],
    ['a/b.d.ts', 'typescript'],
    ['App.TSX', 'typescript'],
    ['x.mjs', 'javascript'],
    ['x.jsx', 'javascript'],
    ['m.py', 'python'],
    ['m.go', 'go'],
    ['m.rs', 'rust'],
    ['M.java', 'java'],
    ['m.c', 'c'],
    ['m.hpp', 'cpp'],
    ['m.cs', 'csharp'],
    ['m.rb', 'ruby'],
    ['Rakefile', 'ruby'],
    ['m.php', 'php'],
    ['view.blade.php', 'blade'],
    ['m.sh', 'bash'],
    ['m.kts', 'kotlin'],
    ['m.scala', 'scala'],
    ['m.swift', 'swift'],
    ['m.lua', 'lua'],
    ['m.hs', 'haskell'],
    ['m.exs', 'elixir'],
    ['m.zig', 'zig'],
    ['README.md', 'markdown'],
    ['tsconfig.json', 'json'],
    ['.eslintrc', 'json'],
    ['ci.yml', 'yaml'],
    ['Cargo.toml', 'toml'],
    ['i.html', 'html'],
    ['s.css', 'css'],
    ['q.sql', 'sql'],
    ['m.dart', 'dart'],
    ['App.vue', 'vue'],
    ['a.proto', 'proto'],
    ['Dockerfile', 'dockerfile'],
    ['Dockerfile.dev', 'dockerfile'],
    ['Makefile', 'makefile'],
    ['CMakeLists.txt', 'cmake'],
    ['config.h.in', 'c'],
    ['settings.yaml.example', 'yaml'],
    ['.gitignore', 'ignore'],
    ['notes.v2.final.py', 'python'],
    ['LICENSE', 'plaintext'],
    ['constructor', 'plaintext'],
    ['a.toString', 'plaintext'],
  ])('%s is %s', (path, language) => {
    expect(languageOf(path)).toBe(language);
  });

  it.each([
    ['run', '#!/bin/sh\necho', 'bash'],
    ['run', '#!/usr/bin/env python3\nprint()', 'python'],
    ['run', '#!/usr/bin/env -S FOO=1 node --no-warnings\n', 'javascript'],
    ['run', '#!/usr/bin/env -S deno run\n', 'typescript'],
    ['run', '#! /usr/bin/perl -w\n', 'perl'],
    ['run', '#!/opt/unknown\n', 'plaintext'],
    ['config', '<?xml version="1.0"?>', 'xml'],
  ])('%s beginning %j is %s', (path, text, language) => {
    expect(languageOf(path, text)).toBe(language);
  });

  it.each([
    ['plain C', 'a.h', '#ifndef A\n#include <stdio.h>\nstruct point { int x; };\nint f(void);\n', 'c'],
    ['C with a guard for C++', 'a.h', '#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n', 'c'],
    ['a class', 'a.h', '#pragma once\nclass Widget {\npublic:\n  int x;\n};\n', 'cpp'],
    ['a namespace', 'a.h', '#pragma once\nnamespace app {\nint f();\n}\n', 'cpp'],
    ['Objective-C', 'a.h', '#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n', 'objective-c'],
    ['Objective-C', 'a.m', '@implementation A\n- (void)run {}\n@end\n', 'objective-c'],
    ['MATLAB', 'a.m', 'function y = f(x)\n% doubles\ny = 2 * x;\nend\n', 'matlab'],
    ['Perl', 'a.pl', 'use strict;\nmy $x = 1;\n', 'perl'],
    ['Prolog', 'a.pl', ':- module(a, []).\nparent(x, y).\n', 'prolog'],
    ['TypeScript that speaks of XML', 'a.ts', "const a = '<!DOCTYPE TS>';\n// <?xml\n", 'typescript'],
    ['a Qt translation', 'de.ts', '<?xml version="1.0"?>\n<!DOCTYPE TS>\n', 'xml'],
  ])('tells %s in %s', (_what, path, text, language) => {
    expect(languageOf(path, text)).toBe(language);
  });
});

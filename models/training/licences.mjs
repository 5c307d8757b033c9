/** Recognises the licences that training data may have by what their texts say. */

const patterns = [
  ['Apache-2.0', /apache license,? version 2\.0|spdx-license-identifier: apache-2\.0/],
  ['BSL-1.0', /boost software license/],
  ['MIT', /permission is hereby granted, free of charge, to any person obtaining a copy|spdx-license-identifier: mit/],
  ['ISC', /permission to use, copy, modify, and(?:\/or)? distribute this software for any purpose with or without fee/],
  ['BSD', /redistribution and use in source and binary forms(?: of [\w ]+)?, with or without modification/],
  [
    'zlib',
    /this software is provided 'as-is', without any express or implied warranty.*altered source versions must be plainly marked/,
  ],
];

/**
 * @param texts the licence files of a repository
 * @returns SPDX-like names joined with OR, undefined when none is accepted
 */
export function licenceOf(texts) {
  const found = new Set();
  for (const text of texts) {
    const folded = text
      .toLowerCase()
      .replaceAll(/[\s*#;/]+/g, ' ')
      .replaceAll(/[‘’"]/g, "'");
    for (const [name, pattern] of patterns) {
      if (pattern.test(folded)) {
        found.add(name);
      }
    }
  }
  return found.size === 0 ? undefined : [...found].join(' and ');
}

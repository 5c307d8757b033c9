/** Clone groups as rows of a list, and their places as hits. */
import type { CloneGroup, ClonesResult } from '../../protocol/clones.ts';
import { escapeIcons } from './hits.ts';
import type { Folder, PlacedHit } from './hits.ts';

export interface CloneRow {
  label: string;
  description: string;
  detail: string;
}

const shownPlaces = 3;

function likeness({ kind, similarity }: CloneGroup): string {
  return kind === 'near' ? `near, ${String(Math.floor(similarity * 100))}%` : kind;
}

/** `Router.register: 3 places, 24 lines` */
export function cloneRow(group: CloneGroup): CloneRow {
  const { places, lines, language } = group;
  const name = places[0]?.symbol ?? '';
  const size = `${String(places.length)} places, ${String(lines)} lines`;
  const paths = places.slice(0, shownPlaces).map(({ path, startLine }) => `${path}:${String(startLine)}`);
  const more = places.length > shownPlaces ? [`and ${String(places.length - shownPlaces)} more`] : [];
  return {
    label: escapeIcons(name === '' ? size : `${name}: ${size}`),
    description: `${likeness(group)} • ${language}`,
    detail: escapeIcons([...paths, ...more].join('  ')),
  };
}

/** The places of a group, for the list that opens them. */
export function clonePlaces({ kind, language, places }: CloneGroup, folder: Folder): PlacedHit[] {
  return places.map(({ path, startLine, endLine, symbol, similarity }, at) => {
    const marks = at === 0 ? [] : ([kind === 'identical' ? 'identical' : 'near-clone'] as const);
    const text = { snippet: '', snippetLine: startLine, highlights: [] };
    const hit = { path, startLine, endLine, symbol, kind: 'function', language, score: similarity, ...text };
    return { folder, hit: { ...hit, similarity, marks: [...marks] } };
  });
}

/** `12 groups repeat 340 lines`; what was looked at when there are none. */
export function cloneSummary({ found, compared, groups }: ClonesResult): string {
  if (groups.length === 0) {
    return `No clones among ${String(compared.chunks)} pieces of ${String(compared.files)} files.`;
  }
  return `${String(found.groups)} groups repeat ${String(found.repeatedLines)} lines`;
}

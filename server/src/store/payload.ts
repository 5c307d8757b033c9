/** What Tiercel keeps of a chunk beside its place: the opaque payload of {@link ChunkRecord}, as MessagePack. */
import { Packr } from 'msgpackr';
import { z } from 'zod';
import { TiercelError, errorCodes } from '../../../protocol/errors.ts';

const payloadSchema = z.tuple([z.string(), z.string(), z.string()]);

export interface ChunkPayload {
  symbol: string;
  kind: string;
  signature: string;
}

// A tuple without record extensions: any MessagePack reader can decode it, and a chunk costs no member names.
const packr = new Packr({ useRecords: false });

export function encodePayload(payload: ChunkPayload): Uint8Array {
  return packr.pack([payload.symbol, payload.kind, payload.signature]);
}

/** @throws TiercelError `RebuildIndex` when the bytes are not a payload of ours. */
export function decodePayload(bytes: Uint8Array): ChunkPayload {
  const parsed = payloadSchema.safeParse(packr.unpack(bytes));
  if (!parsed.success) {
    throw new TiercelError(
      errorCodes.rebuildIndex,
      'The index holds chunk metadata this version cannot read. Rebuild the index of this folder.',
      { cause: parsed.error },
    );
  }
  const [symbol, kind, signature] = parsed.data;
  return { symbol, kind, signature };
}

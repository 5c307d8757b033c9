export declare function crc32c(bytes: Uint8Array): number;
export declare function encodeVectors(vectors: Float32Array, dimension: number, vocabulary: Uint8Array): Buffer;
export declare function decodeVectors(file: Buffer): { dimension: number; vectors: Float32Array };

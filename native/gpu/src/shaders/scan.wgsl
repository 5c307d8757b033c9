// Estimates of 1-bit codes: one thread a row, one workgroup one piece of a page, for a tile of searches at once.
//
// The page is the one of `tiercel_codec::bits`: words of eight rows interleaved, half floats `f` and `g`, row numbers.
// The formula is that of `BitsQuery::estimate`. Where a driver fuses its operations the last bit of the score may differ;
// the scores that are returned are computed again on the CPU, from the integers of `gather`.

// `const TILE: u32` and `common.wgsl` are put before this text.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pages: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> table: array<Entry>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read> queries: array<u32>;
@group(0) @binding(5) var<storage, read> accept: array<u32>;
@group(0) @binding(6) var<storage, read> owners: array<u32>;
@group(0) @binding(7) var<storage, read_write> keys: array<u32>;

var<workgroup> planes: array<u32, TILE * 1024u>;

@compute @workgroup_size(256)
fn scan(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let piece = order[params.first + group.x];
    let entry = table[owners[piece]];
    let first = group.z * TILE;
    let count = min(params.searches - first, TILE);
    let per = params.words * params.bits * 2u;
    for (var i = thread; i < per * count; i += 256u) {
        let query = search_at(first + i / per) + 1u + params.bases;
        planes[(i / per) * 1024u + i % per] = queries[query + i % per];
    }
    workgroupBarrier();

    let slot = piece * PIECE_ROWS + thread;
    let position = slot - entry.first * PIECE_ROWS;
    var accepted = position < entry.rows;
    if accepted && params.accept_rows > 0u {
        let row = row_at(entry, position);
        accepted = row < params.accept_rows && ((accept[row / 32u] >> (row % 32u)) & 1u) == 1u;
    }
    if !accepted {
        for (var t = 0u; t < count; t++) {
            keys[(first + t) * params.slots + slot] = 0u;
        }
        return;
    }
    var differing: array<u32, TILE>;
    var code = entry.offset + (position / 8u) * params.words * 8u + position % 8u;
    for (var word = 0u; word < params.words; word++) {
        let signs = pages[code];
        code += 8u;
        for (var t = 0u; t < count; t++) {
            let plane = t * 1024u + word * params.bits * 2u;
            for (var bit = 0u; bit < params.bits; bit++) {
                let p = plane + bit * 2u;
                let low = countOneBits(signs.x ^ planes[p]);
                let high = countOneBits(signs.y ^ planes[p + 1u]);
                differing[t] += (low + high) << bit;
            }
        }
    }
    let factors = factors_at(entry, position);
    let f = half_to_float(factors & 0xFFFFu);
    let g = half_to_float(factors >> 16u);
    let most = i32(((1u << params.bits) - 1u) * params.words * 64u);
    for (var t = 0u; t < count; t++) {
        let search = search_at(first + t);
        let delta = bitcast<f32>(queries[search]);
        let base = bitcast<f32>(queries[search + 1u + entry.base]);
        let product = f32(most - 2 * i32(differing[t]));
        keys[(first + t) * params.slots + slot] = key_of(f * (delta * product) + (g + base));
    }
}

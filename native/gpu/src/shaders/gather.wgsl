// What the CPU needs of each row that was selected: its number, the weighted number of differing bits and both factors.
// One thread a selected row; the rows of other arenas are left to the dispatches of those.

// `common.wgsl` is put before this text.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pages: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> table: array<Entry>;
@group(0) @binding(3) var<storage, read> selected: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> queries: array<u32>;
@group(0) @binding(5) var<storage, read> owners: array<u32>;
@group(0) @binding(6) var<storage, read_write> found: array<vec4<u32>>;

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.best {
        return;
    }
    let at = id.y * params.best + id.x;
    let one = selected[at];
    if one.x == 0u {
        if params.arena == params.first_arena {
            found[at] = vec4<u32>(0xFFFFFFFFu, 0u, 0u, 0u);
        }
        return;
    }
    let entry = table[owners[one.y / PIECE_ROWS]];
    if entry.arena != params.arena {
        return;
    }
    let position = one.y - entry.first * PIECE_ROWS;
    let query = search_at(id.y) + 1u + params.bases;
    let code = entry.offset + (position / 8u) * params.words * 8u + position % 8u;
    var differing = 0u;
    for (var word = 0u; word < params.words; word++) {
        let signs = pages[code + word * 8u];
        for (var bit = 0u; bit < params.bits; bit++) {
            let p = query + (word * params.bits + bit) * 2u;
            differing += (countOneBits(signs.x ^ queries[p]) + countOneBits(signs.y ^ queries[p + 1u])) << bit;
        }
    }
    found[at] = vec4<u32>(one.y, row_at(entry, position), differing, factors_at(entry, position));
}

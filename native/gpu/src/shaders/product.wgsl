// Many queries against many rows, as a product of matrices in tiles of 64 x 64: 256 threads hold 4 x 4 sums each, and
// both tiles pass through workgroup memory sixteen words at a time, so that a word is read from memory once for 64
// others.
//
// Put before this text: `keys.wgsl`, and for each kind of number `Sum` (the type of a sum), `fn add(sum, a, b)`, which
// adds the product of two words, and `fn score(sum, one, two)`, which scales a sum.

struct Params {
    queries: u32,
    /// Rows of this pass.
    rows: u32,
    /// Words of a row: floats, or four bytes each.
    words: u32,
    /// The pass's first row.
    first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> row_words: array<u32>;
@group(0) @binding(2) var<storage, read> row_scales: array<f32>;
@group(0) @binding(3) var<storage, read> query_words: array<u32>;
@group(0) @binding(4) var<storage, read> query_scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> keys: array<u32>;

const SIDE: u32 = 64u;
const DEPTH: u32 = 16u;

// One word of padding a line keeps threads that read a column in different banks.
var<workgroup> some_queries: array<u32, 1088>;
var<workgroup> some_rows: array<u32, 1088>;

@compute @workgroup_size(16, 16)
fn product(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = group.x * SIDE;
    let first_query = group.y * SIDE;
    var sums: array<Sum, 16>;
    for (var depth = 0u; depth < params.words; depth += DEPTH) {
        for (var i = thread; i < SIDE * DEPTH; i += 256u) {
            let word = depth + i % DEPTH;
            let query = first_query + i / DEPTH;
            let row = first_row + i / DEPTH;
            let line = (i / DEPTH) * (DEPTH + 1u) + i % DEPTH;
            some_queries[line] = 0u;
            some_rows[line] = 0u;
            if word < params.words && query < params.queries {
                some_queries[line] = query_words[query * params.words + word];
            }
            if word < params.words && row < params.rows {
                some_rows[line] = row_words[(params.first + row) * params.words + word];
            }
        }
        workgroupBarrier();
        for (var word = 0u; word < DEPTH; word++) {
            var a: array<u32, 4>;
            var b: array<u32, 4>;
            for (var i = 0u; i < 4u; i++) {
                a[i] = some_queries[(local.y + 16u * i) * (DEPTH + 1u) + word];
                b[i] = some_rows[(local.x + 16u * i) * (DEPTH + 1u) + word];
            }
            for (var i = 0u; i < 4u; i++) {
                for (var j = 0u; j < 4u; j++) {
                    sums[i * 4u + j] = add(sums[i * 4u + j], a[i], b[j]);
                }
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let query = first_query + local.y + 16u * i;
        for (var j = 0u; j < 4u; j++) {
            let row = first_row + local.x + 16u * j;
            if query < params.queries && row < params.rows {
                let scaled = score(sums[i * 4u + j], query_scales[query], row_scales[params.first + row]);
                keys[query * params.rows + row] = key_of(scaled);
            }
        }
    }
}

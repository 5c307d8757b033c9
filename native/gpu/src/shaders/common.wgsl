/// Rows of a piece: pages are cut into these, the last one of a page may be shorter.
const PIECE_ROWS: u32 = 256u;

struct Params {
    /// First place in `order` of this dispatch's arena.
    first: u32,
    /// 64-bit words of a row.
    words: u32,
    /// Bits of a query's component.
    bits: u32,
    /// Searches in this batch.
    searches: u32,
    /// Keys of one search: all pieces, 256 each.
    slots: u32,
    /// Rows that the bitmap covers; 0 when every row is accepted.
    accept_rows: u32,
    /// Centroids, of each of which a search has the query's dot product.
    bases: u32,
    /// Rows to select.
    best: u32,
    arena: u32,
    /// The arena whose dispatch fills in what was not found.
    first_arena: u32,
}

struct Entry {
    /// Where the page begins in its arena, in units of eight bytes.
    offset: u32,
    rows: u32,
    /// Which centroid the page is about.
    base: u32,
    arena: u32,
    /// Its first piece.
    first: u32,
}

/// Where a search begins: `delta`, the bases of all centroids, then the query's planes.
fn search_at(search: u32) -> u32 {
    return search * (1u + params.bases + params.words * params.bits * 2u);
}

fn groups(entry: Entry) -> u32 {
    return (entry.rows + 7u) / 8u;
}

fn row_at(entry: Entry, position: u32) -> u32 {
    let pair = pages[entry.offset + groups(entry) * (params.words * 8u + 4u) + position / 2u];
    return select(pair.x, pair.y, position % 2u == 1u);
}

fn half_at(start: u32, position: u32) -> u32 {
    let four = pages[start + position / 4u];
    let two = select(four.x, four.y, position / 2u % 2u == 1u);
    return (two >> (16u * (position % 2u))) & 0xFFFFu;
}

/// `f` in the low half, `g` in the high one.
fn factors_at(entry: Entry, position: u32) -> u32 {
    let start = entry.offset + groups(entry) * params.words * 8u;
    return half_at(start, position) | (half_at(start + groups(entry) * 2u, position) << 16u);
}

/// A finite half float. By hand, since devices may take the smallest ones for zero.
fn half_to_float(half: u32) -> f32 {
    let sign = (half & 0x8000u) << 16u;
    let magnitude = half & 0x7FFFu;
    let normal = (magnitude << 13u) + 0x38000000u;
    let small = bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8);
    return bitcast<f32>(sign | select(normal, small, magnitude < 0x400u));
}

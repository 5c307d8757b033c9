// The best of a tile of keys: one workgroup selects exactly the `best` largest of up to `tile` keys, of equal keys those
// of the lower identifiers. Run again over the lists that it wrote, until one list is left.
//
// The threshold is found digit by digit (radix selection) over the 64 bits of key and inverted identifier; most often the
// first three or four of eight digits decide.

struct Params {
    /// Elements of one search.
    length: u32,
    /// Elements from one search to the next.
    stride: u32,
    tile: u32,
    best: u32,
    /// Elements from one search to the next in the lists.
    out_stride: u32,
    /// Where the first tile's list begins.
    out_first: u32,
    /// 1: keys only, the identifier of element `i` is `id_first + i`. 2: pairs of key and identifier.
    step: u32,
    id_first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> data: array<u32>;
@group(0) @binding(2) var<storage, read_write> lists: array<vec2<u32>>;

var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> above: array<u32, 256>;
// The digits decided so far, of the key and of the inverted identifier, and how many rows are still to be found.
var<workgroup> high: u32;
var<workgroup> low: u32;
var<workgroup> needed: u32;
var<workgroup> done: u32;
var<workgroup> taken: atomic<u32>;

fn element(search: u32, at: u32) -> vec2<u32> {
    let start = search * params.stride * params.step + at * params.step;
    if params.step == 1u {
        return vec2<u32>(data[start], ~(params.id_first + at));
    }
    return vec2<u32>(data[start], ~data[start + 1u]);
}

fn mask_of(digits: u32) -> u32 {
    return select(0xFFFFFFFFu << (32u - 8u * digits), 0u, digits == 0u);
}

@compute @workgroup_size(256)
fn choose(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let search = group.y;
    let first = group.x * params.tile;
    let end = min(first + params.tile, params.length);
    if thread == 0u {
        high = 0u;
        low = 0u;
        needed = params.best;
        done = 0u;
        atomicStore(&taken, 0u);
    }
    workgroupBarrier();

    for (var digit = 0u; digit < 8u; digit++) {
        if workgroupUniformLoad(&done) == 1u {
            break;
        }
        atomicStore(&counts[thread], 0u);
        let high_mask = mask_of(min(digit, 4u));
        let low_mask = mask_of(max(digit, 4u) - 4u);
        let shift = 24u - 8u * (digit % 4u);
        let want = vec2<u32>(high, low);
        workgroupBarrier();
        for (var at = first + thread; at < end; at += 256u) {
            let one = element(search, at);
            if one.x != 0u && (one.x & high_mask) == want.x && (one.y & low_mask) == want.y {
                atomicAdd(&counts[(select(one.y, one.x, digit < 4u) >> shift) & 0xFFu], 1u);
            }
        }
        workgroupBarrier();
        // How many have this digit or a higher one: a suffix sum in eight steps.
        above[thread] = atomicLoad(&counts[thread]);
        workgroupBarrier();
        for (var distance = 1u; distance < 256u; distance *= 2u) {
            var sum = above[thread];
            if thread + distance < 256u {
                sum += above[thread + distance];
            }
            workgroupBarrier();
            above[thread] = sum;
            workgroupBarrier();
        }
        let want_count = needed;
        let own = above[thread];
        var higher = 0u;
        if thread < 255u {
            higher = above[thread + 1u];
        }
        workgroupBarrier();
        if thread == 0u && own < want_count {
            // Fewer than wanted: all of them, and this can only be so for the first digit.
            done = 1u;
        }
        if own >= want_count && higher < want_count {
            if digit < 4u {
                high |= thread << shift;
            } else {
                low |= thread << shift;
            }
            needed = want_count - higher;
            if own == want_count {
                done = 1u;
            }
        }
        workgroupBarrier();
    }

    let threshold = vec2<u32>(workgroupUniformLoad(&high), workgroupUniformLoad(&low));
    let out = search * params.out_stride + params.out_first + group.x * params.best;
    for (var at = first + thread; at < end; at += 256u) {
        let one = element(search, at);
        if one.x != 0u && (one.x > threshold.x || (one.x == threshold.x && one.y >= threshold.y)) {
            let place = atomicAdd(&taken, 1u);
            if place < params.best {
                lists[out + place] = vec2<u32>(one.x, ~one.y);
            }
        }
    }
    workgroupBarrier();
    for (var place = atomicLoad(&taken) + thread; place < params.best; place += 256u) {
        lists[out + place] = vec2<u32>(0u, 0u);
    }
}

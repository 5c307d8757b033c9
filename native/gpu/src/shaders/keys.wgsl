// Scores as integers of the same order, so that a selection can work digit by digit. 0 stands for "no row".

fn key_of(score: f32) -> u32 {
    let bits = bitcast<u32>(score);
    // A score that is not a number is never kept.
    if (bits & 0x7FFFFFFFu) > 0x7F800000u {
        return 0u;
    }
    return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

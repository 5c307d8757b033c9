fn byte(word: u32, at: u32) -> i32 {
    return extractBits(i32(word), 8u * at, 8u);
}

fn add(sum: i32, a: u32, b: u32) -> i32 {
    return sum + byte(a, 0u) * byte(b, 0u) + byte(a, 1u) * byte(b, 1u) + byte(a, 2u) * byte(b, 2u) + byte(a, 3u) * byte(b, 3u);
}

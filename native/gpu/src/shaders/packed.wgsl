fn add(sum: i32, a: u32, b: u32) -> i32 {
    return sum + dot4I8Packed(a, b);
}

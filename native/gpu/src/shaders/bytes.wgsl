// A word is four signed bytes, the first lowest; sums are exact integers.

alias Sum = i32;

fn score(sum: i32, one: f32, two: f32) -> f32 {
    return f32(sum) * one * two;
}

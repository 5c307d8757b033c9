// A word is a float; a sum's scale is one over both lengths.

alias Sum = f32;

fn add(sum: f32, a: u32, b: u32) -> f32 {
    return sum + bitcast<f32>(a) * bitcast<f32>(b);
}

fn score(sum: f32, one: f32, two: f32) -> f32 {
    return sum * one * two;
}

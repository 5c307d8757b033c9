//! Plain loops: the oracle of the other kernels, and what runs where there is none.

/// The sum of `query[i] * row[i]`.
#[must_use]
pub fn dot(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(&q, &r)| i32::from(q) * i32::from(r)).sum()
}

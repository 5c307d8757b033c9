use super::*;
use crate::testing::clustered;

const DIMENSION: usize = 256;
const CELLS: usize = 4_200;

#[test]
fn the_few_best_are_those_of_an_exact_ranking() {
    let centroids = Centroids::new(DIMENSION, clustered(CELLS, DIMENSION, 300, 0.8, 4));
    let spreads = vec![Spread { rows: 40, radius: 0.7 }; CELLS];
    let directions = Directions::new(&centroids);
    assert!(directions.is_some());
    let (mut exact, mut few, mut kept) = (Vec::new(), Vec::new(), 0);
    for query in clustered(100, DIMENSION, 300, 0.9, 4).chunks_exact(DIMENSION) {
        rank(&centroids, &spreads, None, query, CELLS, &mut exact);
        assert_eq!(exact.len(), CELLS);
        assert!(
            exact.iter().map(|ranked| ranked.dot).is_sorted_by(|a, b| a >= &(b - 1e-5)),
            "equal spreads rank by score"
        );
        rank(&centroids, &spreads, directions.as_ref(), query, 48, &mut few);
        assert_eq!(few.len(), 48);
        for ranked in &few {
            let dot: f32 = query.iter().zip(centroids.get(ranked.cell as usize)).map(|(a, b)| a * b).sum();
            assert!((ranked.dot - dot).abs() < 1e-5);
        }
        kept += exact[..20].iter().filter(|wanted| few.iter().any(|found| found.cell == wanted.cell)).count();
    }
    assert!(kept >= 1_960, "{kept} of the 2,000 best cells are among the 48");
}

#[test]
fn more_than_there_are_is_all() {
    let centroids = Centroids::new(DIMENSION, clustered(9, DIMENSION, 3, 0.8, 5));
    let spreads = vec![Spread { rows: 1, radius: 0.0 }; 9];
    let mut ranked = vec![Ranked { cell: 77, dot: 0.0 }];
    rank(&centroids, &spreads, None, centroids.get(3), usize::MAX, &mut ranked);
    assert_eq!((ranked.len(), ranked[0].cell), (9, 3));
}

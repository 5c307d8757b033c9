//! What the example is told.

use std::path::PathBuf;

/// See the first lines of the example.
pub struct Arguments {
    pub folder: PathBuf,
    pub rows: usize,
    pub dimension: usize,
    pub budget: u64,
    pub planes: bool,
    pub queries: usize,
    pub batch: usize,
    pub cells: Option<u32>,
    pub cells_from: Option<u32>,
    pub threads: usize,
    pub beside: u64,
    pub only: Option<f32>,
    pub rounds: usize,
    pub data: Option<PathBuf>,
    pub built: bool,
    pub json: Option<PathBuf>,
}

/// Of the command line.
pub fn arguments() -> Arguments {
    let mut given = std::env::args().skip(1);
    let mut next = |what: &str| given.next().unwrap_or_else(|| panic!("missing: {what}"));
    let mut arguments = Arguments {
        folder: next("FOLDER").into(),
        rows: next("ROWS").parse().expect("a number of rows"),
        dimension: next("DIMENSION").parse().expect("a dimension"),
        budget: 2048 << 20,
        planes: true,
        queries: 200,
        batch: 1000,
        cells: None,
        cells_from: None,
        threads: 0,
        beside: 0,
        only: None,
        rounds: 3,
        data: None,
        built: false,
        json: None,
    };
    while let Some(flag) = given.next() {
        let mut value = || given.next().expect("a value");
        match flag.as_str() {
            "--budget" => arguments.budget = value().parse::<u64>().expect("megabytes") << 20,
            "--no-planes" => arguments.planes = false,
            "--queries" => arguments.queries = value().parse().expect("a number"),
            "--batch" => arguments.batch = value().parse().expect("a number"),
            "--cells" => arguments.cells = Some(value().parse().expect("a number")),
            "--cells-from" => arguments.cells_from = Some(value().parse().expect("a number")),
            "--only" => arguments.only = Some(value().parse().expect("a recall")),
            "--rounds" => arguments.rounds = value().parse().expect("a number"),
            "--beside" => arguments.beside = value().parse().expect("seconds"),
            "--threads" => arguments.threads = value().parse().expect("a number"),
            "--data" => arguments.data = Some(value().into()),
            "--built" => arguments.built = true,
            "--json" => arguments.json = Some(value().into()),
            other => panic!("unknown: {other}"),
        }
    }
    arguments
}

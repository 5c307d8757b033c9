//! Trains the token vectors of the instant lane. The steps and their order stand in `models/instant-v2/README.md`.
//!
//! ```text
//! train vocabulary --base PIECES --list READY --extracted FOLDER --rows N --out FOLDER
//! train pairs --vocabulary FILE --list READY --extracted FOLDER --exclusions FILE --out FILE
//! train fit --pairs FILE --vocabulary FILE --start VECTORS --out FILE [--epochs N] [--batch N] [--rate X] ...
//! train judge --pairs FILE --start VECTORS
//! ```

mod bags;
mod export;
mod fit;
mod judge;
mod model;
mod options;
mod pairs;
mod random;
mod records;
mod wide;
mod words;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use fit::Recipe;
use judge::judge;
use model::Model;
use options::Options;
use pairs::{Data, Exclusions, Maker};

/// What any step may fail with: it ends the program with a message.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    match options.command.as_str() {
        "vocabulary" => vocabulary(&options),
        "pairs" => make_pairs(&options),
        "fit" => train(&options),
        "judge" => {
            let data = load(options.path("pairs")?)?;
            print(&data, &Model::read(options.path("start")?)?, true);
            Ok(())
        }
        other => Err(format!("unknown step {other}: vocabulary, pairs, fit or judge").into()),
    }
}

fn vocabulary(options: &Options) -> Outcome<()> {
    let repositories = records::repositories(options.path("list")?)?;
    let (base, extracted, out) = (options.path("base")?, options.path("extracted")?, options.path("out")?);
    words::write(base, extracted, &repositories, options.number("rows", 48_000)?, out)
}

fn make_pairs(options: &Options) -> Outcome<()> {
    let repositories = records::repositories(options.path("list")?)?;
    let exclusions = Exclusions::read(options.path("exclusions")?)?;
    let mut maker = Maker::new(bags::Reader::open(options.path("vocabulary")?)?, &exclusions);
    for repository in &repositories {
        maker.add(options.path("extracted")?, repository)?;
    }
    println!("{} left out as evaluation data, {} as repeated questions", maker.excluded, maker.repeated);
    let data = maker.finish();
    statistics(&data);
    postcard::to_io(&data, BufWriter::new(File::create(options.path("out")?)?))?.flush()?;
    Ok(())
}

fn load(file: &Path) -> Outcome<Data> {
    Ok(postcard::from_bytes(&std::fs::read(file)?)?)
}

/// Prints how many pairs of each kind and language there are, those held out apart.
fn statistics(data: &Data) {
    let mut counts: BTreeMap<(bool, String, String), usize> = BTreeMap::new();
    for group in &data.groups {
        for pair in &group.pairs {
            for key in [format!("{:?}", pair.kind), "all".to_owned()] {
                *counts.entry((group.held_out, group.language.clone(), key.clone())).or_default() += 1;
                *counts.entry((group.held_out, "all".to_owned(), key)).or_default() += 1;
            }
        }
    }
    for ((held_out, language, kind), count) in counts {
        println!("{}\t{language}\t{kind}\t{count}", if held_out { "held out" } else { "training" });
    }
    println!("{} texts", data.bags.len());
}

fn train(options: &Options) -> Outcome<()> {
    let data = load(options.path("pairs")?)?;
    let mut model = Model::read(options.path("start")?)?;
    let recipe = Recipe {
        epochs: options.number("epochs", 10)?,
        batch: options.number("batch", 1024)?,
        run: options.number("run", 64)?,
        temperature: options.number("temperature", 0.05)?,
        rate: options.number("rate", 0.005)?,
        hide: options.number("hide", 0.3)?,
        drop: options.number("drop", 0.0)?,
        names: options.number("names", 1.0)?,
        seed: options.number("seed", 1)?,
    };
    println!("{recipe:?}");
    let begin = Instant::now();
    print(&data, &model, false);
    fit::fit(&data, &mut model, &recipe, |epoch, loss, model| {
        println!("epoch {epoch}: loss {loss:.4}, {:.0} s", begin.elapsed().as_secs_f32());
        print(&data, model, epoch == recipe.epochs);
    });
    if let Ok(out) = options.path("out") {
        export::write(&model, options.path("vocabulary")?, out)?;
    }
    Ok(())
}

fn print(data: &Data, model: &Model, whole: bool) {
    let judgement = judge(data, model);
    let means: Vec<String> = judgement.means.iter().map(|(task, mean)| format!("{task} {mean:.4}")).collect();
    println!("  {}", means.join(", "));
    if whole {
        for (repository, task, questions, score) in judgement.repositories {
            println!("  {repository}\t{task}\t{questions}\t{score:.4}");
        }
    }
}

use std::collections::HashMap;
use std::fs;

use proptest::prelude::*;

use super::*;

const LINES: &str = "[PAD]\nread\nfile\nhttp\nserver\n##s\n2\nroute\nuser\n";
const DIMENSION: usize = 11;

fn codes() -> Vec<i8> {
    (0..9 * DIMENSION).map(|i| i8::try_from((i * 37 + i * i * 11) % 255).unwrap_or(-77)).collect()
}

fn scales() -> Vec<f32> {
    vec![0.0, 0.5, 0.25, 0.125, 1.0, 0.0625, 0.75, 2.0, 0.3]
}

fn bytes() -> Vec<u8> {
    file::encode(11, &scales(), &codes(), LINES)
}

fn model() -> StaticModel {
    let table = VectorTable::decode(&bytes()).expect("whole");
    StaticModel::new(Vocabulary::parse(LINES).expect("small"), table).expect("same size")
}

/// The definition, in double precision and without any cleverness.
fn oracle(text: &str) -> Vec<f64> {
    let vocabulary = Vocabulary::parse(LINES).expect("small");
    let mut counts: HashMap<u32, u32> = HashMap::new();
    words::for_each_word(text, &mut String::new(), |word| {
        let mut ids = Vec::new();
        vocabulary.cut(word, &mut ids);
        for id in ids {
            *counts.entry(id).or_default() += 1;
        }
    });
    let mut sum = vec![0.0; DIMENSION];
    for (id, count) in counts {
        let weight = f64::from(scales()[id as usize]) * (1.0 + f64::from(count).ln());
        for (k, x) in sum.iter_mut().enumerate() {
            *x += weight * f64::from(codes()[id as usize * DIMENSION + k]);
        }
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length == 0.0 {
        sum[0] = 1.0;
        return sum;
    }
    sum.iter().map(|x| x / length).collect()
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let word = prop::sample::select(vec![
        "readFile",
        "HTTPServers",
        "route",
        "user2",
        "nothing",
        "_",
        "é",
        "日",
        " ",
        "routes",
        "[PAD]",
        "READ",
        "::",
    ]);
    let text = prop::collection::vec((word, prop::sample::select(vec!["", " ", "_", "."])), 0..40)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, gap)| [word, gap]).collect::<String>());
    prop::collection::vec(text, 0..6)
}

proptest! {
    #[test]
    fn vectors_are_those_of_the_oracle(texts in texts()) {
        let vectors = model().embed(&texts);
        prop_assert_eq!(vectors.len(), texts.len() * DIMENSION);
        for (text, vector) in texts.iter().zip(vectors.chunks_exact(DIMENSION)) {
            for (x, expected) in vector.iter().zip(oracle(text)) {
                prop_assert!((f64::from(*x) - expected).abs() < 1e-5, "{} {} for {:?}", x, expected, text);
            }
        }
    }

    #[test]
    fn a_text_has_one_vector_whatever_its_neighbours(texts in texts()) {
        let model = model();
        let together = model.embed(&texts);
        let alone: Vec<f32> = texts.iter().flat_map(|text| model.embed(&[text])).collect();
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        let vector = model().embed(&[text]);
        let length: f32 = vector.iter().map(|x| x * x).sum();
        prop_assert!((length - 1.0).abs() < 1e-4);
    }
}

#[test]
fn an_empty_text_points_along_the_first_axis() {
    let vectors = model().embed(&["", "日本", "[PAD]"]);
    assert!((vectors[0] - 1.0).abs() < f32::EPSILON);
    assert!(vectors[1..DIMENSION].iter().all(|&x| x == 0.0));
    assert_eq!(vectors[..DIMENSION], vectors[DIMENSION..2 * DIMENSION]);
}

#[test]
fn files_that_are_missing_damaged_or_of_another_model_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (vectors, vocabulary) = (folder.path().join("vectors.bin"), folder.path().join("vocab.txt"));
    let code = || StaticModel::load(&vectors, &vocabulary).map_err(|error| (error.code(), error.to_string())).err();
    let named = |file: &str| {
        let (code, message) = code().expect("an error");
        assert_eq!(code, "InstallWhatIsMissing");
        assert!(message.contains(file), "{message}");
    };
    named("vectors.bin");
    fs::write(&vectors, bytes()).expect("written");
    named("vocab.txt");
    fs::write(&vocabulary, LINES.replace("route", "router")).expect("written");
    named("does not belong");
    fs::write(&vocabulary, LINES).expect("written");
    assert_eq!(code(), None);
    fs::write(&vectors, &bytes()[..70]).expect("written");
    named("cut off");
}

//! Random commits over two trees and two spaces, against a model that knows files, keys and vectors and compares each
//! query with everything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::store::Missing;
use crate::top::Hit;

const TREES: [&str; 2] = ["/one", "/two"];
const SPACES: [&str; 2] = ["fast", "deep"];
const PATHS: [&str; 6] = ["a.rs", "b.py", "src/a.rs", "src/c.py", "src/deep/d.rs", "lib/e.rs"];

#[derive(Debug, Clone)]
enum Step {
    /// Replaces a file: tree, path, keys of its chunks; whether the keys' vectors of each space come along.
    Put(usize, usize, Vec<u8>, [bool; 2]),
    Remove(usize, Vec<usize>),
    /// Vectors alone.
    Embed(usize, Vec<u8>),
    Reopen,
}

fn steps() -> impl Strategy<Value = Step> {
    let keys = || prop::collection::vec(0_u8..24, 0..6);
    prop_oneof![
        6 => (0_usize..2, 0_usize..6, keys(), any::<[bool; 2]>()).prop_map(|(t, p, k, v)| Step::Put(t, p, k, v)),
        2 => (0_usize..2, prop::collection::btree_set(0_usize..6, 1..4))
            .prop_map(|(t, p)| Step::Remove(t, p.into_iter().collect())),
        2 => (0_usize..2, keys()).prop_map(|(s, k)| Step::Embed(s, k)),
        1 => Just(Step::Reopen),
    ]
}

/// Any two differ in direction, and none is like another in both spaces.
fn vector_of(space: usize, key: u8) -> Vec<f32> {
    (0..DIMENSION)
        .map(|at| {
            let mixed =
                (u32::from(key) + 1) * 2_654_435_761_u32.rotate_left(u32::try_from(at * 5 + space * 3).unwrap_or(0));
            f32::from(u8::try_from(mixed >> 24).unwrap_or(0)) - 127.5
        })
        .collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// A file's first chunk id and keys.
type FileModel = (u64, Vec<u8>);

#[derive(Default)]
struct Model {
    trees: [BTreeMap<usize, FileModel>; 2],
    embedded: [BTreeSet<u8>; 2],
    next_id: u64,
    generation: u64,
}

impl Model {
    fn new() -> Self {
        Self { next_id: 1, ..Self::default() }
    }

    /// Live chunks of a tree that pass: id and key.
    fn chunks(&self, tree: usize, passes: &dyn Fn(usize, u64) -> bool) -> Vec<(u64, u8)> {
        let chunks = self.trees[tree]
            .iter()
            .flat_map(|(path, (first, keys))| (*first..).zip(keys).map(move |(id, key)| (*path, id, *key)));
        chunks.filter(|(path, id, _)| passes(*path, *id)).map(|(_, id, key)| (id, key)).collect()
    }
}

/// Whether a chunk passes a filter, by path and id.
type Passes<'a> = Box<dyn Fn(usize, u64) -> bool + 'a>;

struct Pair {
    folder: tempfile::TempDir,
    store: Option<Store>,
    model: Model,
}

impl Pair {
    fn open_store(folder: &Path) -> Store {
        let spaces = SPACES.map(|name| SpaceSpec { name: name.into(), dimension: DIMENSION });
        Store::open(folder, &spaces, &governor(), &StoreOptions::default()).expect("opened")
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Put(tree, path, keys, embed) => {
                let parts: Vec<usize> = (0..2).filter(|&space| embed[space]).collect();
                self.commit(*tree, Some((*path, keys)), &[], &parts, keys);
            }
            Step::Remove(tree, paths) => self.commit(*tree, None, paths, &[], &[]),
            Step::Embed(space, keys) => self.commit(0, None, &[], &[*space], keys),
            Step::Reopen => {
                self.store.take().expect("open").close().expect("closed");
                self.store = Some(Self::open_store(self.folder.path()));
            }
        }
    }

    fn commit(
        &mut self,
        tree: usize,
        put: Option<(usize, &Vec<u8>)>,
        remove: &[usize],
        spaces: &[usize],
        embed: &[u8],
    ) {
        let chunk = |key: &u8| Chunk {
            key: [*key; 16],
            start_line: 1,
            end_line: 1,
            payload: b"",
            symbol: "",
            doc: "",
            body: "same words in every chunk",
        };
        let put_files: Vec<File<'_>> = put
            .iter()
            .map(|(path, keys)| File {
                path: PATHS[*path],
                language: if PATHS[*path].ends_with("rs") { "rust" } else { "python" },
                size: 1.0,
                mtime_ms: 1.0,
                content_hash: [0; 16],
                outcome: "",
                chunks: keys.iter().map(chunk).collect(),
            })
            .collect();
        let keys: Vec<u8> = embed.iter().flat_map(|key| [*key; 16]).collect();
        let vectors = [0, 1].map(|space| embed.iter().flat_map(|&key| vector_of(space, key)).collect::<Vec<f32>>());
        let vectors: Vec<Vectors<'_>> = spaces
            .iter()
            .map(|&space| Vectors { space: SPACES[space], keys: &keys, vectors: &vectors[space] })
            .collect();
        let remove_paths = remove.iter().map(|&path| PATHS[path]).collect();
        let batch = Batch { tree: TREES[tree], put: put_files, remove: remove_paths, vectors };
        let receipt = self.store().commit(&batch).expect("committed");

        let model = &mut self.model;
        let files = &mut model.trees[tree];
        let removed = remove.iter().filter(|path| files.remove(path).is_some()).count();
        let mut changed = removed > 0;
        if let Some((path, keys)) = put {
            files.insert(path, (model.next_id, keys.clone()));
            model.next_id += keys.len() as u64;
            changed = true;
        }
        for &space in spaces {
            let before = model.embedded[space].len();
            model.embedded[space].extend(embed);
            changed |= model.embedded[space].len() > before;
        }
        model.generation += u64::from(changed);
        assert_eq!(receipt.generation, model.generation);
        assert_eq!(receipt.chunks, model.chunks(tree, &|_, _| true).len());
    }

    fn check(&self) {
        let some_ids: Vec<u64> = (0..self.model.next_id + 3).filter(|id| id % 3 == 0).collect();
        let filters: Vec<(Filter, Passes<'_>)> = vec![
            (Filter::default(), Box::new(|_, _| true)),
            (
                Filter { languages: Some(vec!["rust".into()]), ..Filter::default() },
                Box::new(|path, _| PATHS[path].ends_with("rs")),
            ),
            (
                Filter { paths: Some(vec!["src/**".into()]), ..Filter::default() },
                Box::new(|path, _| PATHS[path].starts_with("src/")),
            ),
            (Filter { ids: Some(some_ids.clone()), ..Filter::default() }, Box::new(|_, id| id % 3 == 0)),
            (
                Filter { ids: Some(some_ids.clone()), paths: Some(vec!["*.py".into()]), ..Filter::default() },
                Box::new(|path, id| id % 3 == 0 && PATHS[path].ends_with("py")),
            ),
        ];
        for (tree, space) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for (filter, passes) in &filters {
                self.check_search(tree, space, filter, passes);
            }
            self.check_missing(tree, space);
        }
    }

    fn check_search(&self, tree: usize, space: usize, filter: &Filter, passes: &dyn Fn(usize, u64) -> bool) {
        let query: Vec<f32> = vector_of(space, 5).iter().zip(vector_of(space, 11)).map(|(a, b)| a + b / 2.0).collect();
        let search = |k: usize| -> Vec<Hit> {
            let mut found = self
                .store()
                .search_vectors(TREES[tree], SPACES[space], &query, k, filter, &Cancel::new())
                .expect("searched");
            found.pop().expect("one query")
        };
        let all = search(1000);
        let embedded = &self.model.embedded[space];
        let expected: BTreeMap<u64, f32> = self
            .model
            .chunks(tree, passes)
            .into_iter()
            .filter(|(_, key)| embedded.contains(key))
            .map(|(id, key)| (id, cosine(&query, &vector_of(space, key))))
            .collect();
        assert_eq!(all.iter().map(|hit| hit.id).collect::<BTreeSet<_>>(), expected.keys().copied().collect());
        for hit in &all {
            assert!((hit.score - expected[&hit.id]).abs() < 0.02, "{hit:?} should be {}", expected[&hit.id]);
        }
        let rank = |pair: &[Hit]| pair[1].score.total_cmp(&pair[0].score).then(pair[0].id.cmp(&pair[1].id));
        let in_order = |pair: &[Hit]| rank(pair).is_lt();
        assert!(all.windows(2).all(in_order), "{all:?}");
        for k in [1, 2, 3, 7] {
            assert_eq!(search(k), all[..k.min(all.len())], "the first {k}");
        }
    }

    fn check_missing(&self, tree: usize, space: usize) {
        let store = self.store();
        let embedded = &self.model.embedded[space];
        let all: Vec<u8> = (0..24).collect();
        let keys: Vec<u8> = all.iter().flat_map(|&key| [key; 16]).collect();
        let (missing, _) = store.missing(SPACES[space], &Missing::Keys(&keys), 1000).expect("asked");
        let expected: Vec<Key> = all.iter().filter(|key| !embedded.contains(key)).map(|&key| [key; 16]).collect();
        assert_eq!(missing, expected);
        let (_, paths) = store.missing(SPACES[space], &Missing::Tree(TREES[tree]), 1000).expect("asked");
        let lacks = |keys: &Vec<u8>| keys.iter().any(|key| !embedded.contains(key));
        let files = self.model.trees[tree].iter().filter(|(_, (_, keys))| lacks(keys));
        let expected: BTreeSet<&str> = files.map(|(path, _)| PATHS[*path]).collect();
        assert_eq!(paths, expected.into_iter().collect::<Vec<_>>());

        let stats = store.stats(TREES[tree]).expect("counted");
        let chunks = self.model.chunks(tree, &|_, _| true);
        let referenced: BTreeSet<u8> =
            [0, 1].iter().flat_map(|&tree| self.model.chunks(tree, &|_, _| true)).map(|(_, key)| key).collect();
        let figures = &stats.spaces[space];
        assert_eq!(stats.chunks, chunks.len());
        assert_eq!(figures.covered, chunks.iter().filter(|(_, key)| embedded.contains(key)).count());
        assert_eq!(figures.vectors as usize, embedded.len());
        assert_eq!(figures.unreferenced as usize, embedded.difference(&referenced).count());
        let held = store.keys.read().expect("no panic").len();
        assert_eq!(held, referenced.len(), "keys nothing refers to are not held");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_commits_are_answered_as_by_comparing_with_everything(steps in prop::collection::vec(steps(), 1..14)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Some(Pair::open_store(folder.path()));
        let mut pair = Pair { folder, store, model: Model::new() };
        for step in &steps {
            pair.apply(step);
            pair.check();
        }
    }
}

//! Which chunks of a tree may be returned.

use std::borrow::Cow;
use std::collections::HashSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use tiercel_base::error::{Error, Result};
use tiercel_base::rows::RowSet;

use crate::memory::column::NONE;
use crate::memory::snapshot::{Names, Snapshot};
use crate::memory::space::Space;
use crate::memory::tree::Tree;

/// A filter as asked for. `None` lets everything pass, and so do empty languages or paths; no ids let nothing pass.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Language ids.
    pub languages: Option<Vec<String>>,
    /// Globs over paths; `*` and `?` stay within a folder, `**` crosses folders, a pattern without `/` matches the
    /// file's name anywhere.
    pub paths: Option<Vec<String>>,
    /// Globs over paths that do not pass.
    pub excluded: Option<Vec<String>>,
    /// Chunk ids.
    pub ids: Option<Vec<u64>>,
}

/// A filter worked out for one tree: one look per chunk, or the rows of all chunks that pass.
#[derive(Debug)]
pub struct Passing<'t> {
    tree: &'t Tree,
    /// By file number; `None` when every file passes.
    files: Option<Vec<bool>>,
    ids: Option<HashSet<u64>>,
}

impl Filter {
    /// Works the filter out for `tree`.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] for a pattern that is not a glob.
    pub fn resolve<'t>(&self, snapshot: &Snapshot, tree: &'t Tree) -> Result<Passing<'t>> {
        let languages = languages(self.languages.as_deref(), &snapshot.names);
        let globs_in = globs(self.paths.as_deref())?;
        let globs_out = globs(self.excluded.as_deref())?;
        let files = (languages.is_some() || globs_in.is_some() || globs_out.is_some()).then(|| {
            let passes = |language: u16, path: &str| {
                languages.as_ref().is_none_or(|wanted| wanted.contains(&language))
                    && globs_in.as_ref().is_none_or(|wanted| wanted.is_match(path))
                    && globs_out.as_ref().is_none_or(|unwanted| !unwanted.is_match(path))
            };
            let files = tree.files().iter();
            files.map(|file| file.path.as_ref().is_some_and(|path| passes(file.language, path))).collect()
        });
        let ids = self.ids.as_ref().map(|ids| ids.iter().copied().collect());
        Ok(Passing { tree, files, ids })
    }
}

impl<'t> Passing<'t> {
    fn file(&self, number: u32) -> bool {
        self.files.as_ref().is_none_or(|files| files.get(number as usize).copied().unwrap_or(false))
    }

    /// Whether the chunk with this id is in the tree and passes.
    #[must_use]
    pub fn id(&self, id: u64) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&id))
            && self.tree.find(id).is_some_and(|(_, file)| self.file(file))
    }

    /// The rows of a space, at this position among the tree's spaces, that a chunk has which passes.
    #[must_use]
    pub fn rows(&self, position: usize, space: &Space) -> Cow<'t, RowSet> {
        let row = |slot: u32| Some(space.row_of(self.tree.key_of(slot))).filter(|&row| row != NONE);
        match (&self.ids, &self.files) {
            (None, None) => self.tree.rows(position).map_or_else(|| Cow::Owned(RowSet::default()), Cow::Borrowed),
            (Some(ids), _) => {
                let slots = ids.iter().filter_map(|&id| self.tree.find(id)).filter(|(_, file)| self.file(*file));
                Cow::Owned(slots.filter_map(|(slot, _)| row(slot)).collect())
            }
            (None, Some(passes)) => {
                let files = self.tree.files().iter().zip(passes).filter(|(_, passes)| **passes);
                Cow::Owned(files.flat_map(|(file, _)| self.tree.slots_of(file)).filter_map(row).collect())
            }
        }
    }

    /// The first `k` ids of the chunks with this key that pass, ascending.
    #[must_use]
    pub fn chunks_with(&self, key: u32, k: usize) -> Vec<u64> {
        let mut slots: Vec<u32> = self.tree.slots_with(key).collect();
        slots.reverse();
        let id = |slot: u32| {
            let (number, file) = self.tree.file_of(slot)?;
            let id = file.first_id + u64::from(slot - file.first_slot);
            let passes = self.file(number) && self.ids.as_ref().is_none_or(|ids| ids.contains(&id));
            passes.then_some(id)
        };
        slots.into_iter().filter_map(id).take(k).collect()
    }
}

fn languages(wanted: Option<&[String]>, names: &Names) -> Option<HashSet<u16>> {
    let wanted = wanted.filter(|list| !list.is_empty())?;
    Some(wanted.iter().filter_map(|language| names.get(language)).collect())
}

fn globs(patterns: Option<&[String]>) -> Result<Option<GlobSet>> {
    let Some(patterns) = patterns.filter(|list| !list.is_empty()) else { return Ok(None) };
    let wrong = |pattern: &str, why: &globset::Error| Error::FixTheCall(format!("{pattern:?} is not a glob: {why}."));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(&anchored(pattern))
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|error| wrong(pattern, &error))?;
        set.add(glob);
    }
    set.build().map(Some).map_err(|error| wrong(&patterns.join(", "), &error))
}

/// The pattern as one over whole paths.
fn anchored(pattern: &str) -> String {
    let rooted = pattern.strip_prefix("./").or_else(|| pattern.strip_prefix('/'));
    let mut whole = match rooted {
        Some(rest) => rest.to_owned(),
        None if pattern.contains('/') => pattern.to_owned(),
        None => format!("**/{pattern}"),
    };
    if whole.ends_with('/') {
        whole.push_str("**");
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let set = globs(Some(&[pattern.to_owned()])).expect("a glob").expect("some");
        set.is_match(path)
    }

    #[test]
    fn a_pattern_without_a_slash_matches_the_name_anywhere() {
        assert!(matches("*.ts", "a.ts") && matches("*.ts", "src/deep/a.ts"));
        assert!(!matches("*.ts", "src/a.tsx"));
        assert!(matches("a b.ts", "x/a b.ts"));
    }

    #[test]
    fn a_pattern_with_a_slash_is_rooted_and_a_star_stays_in_its_folder() {
        assert!(matches("src/*.ts", "src/a.ts") && !matches("src/*.ts", "src/deep/a.ts"));
        assert!(matches("src/**", "src/deep/a.ts") && !matches("src/**", "lib/src/a.ts"));
        assert!(matches("/a.ts", "a.ts") && !matches("/a.ts", "src/a.ts"));
        assert!(matches("src/", "src/deep/a.ts") && matches("./src/", "src/a"));
        assert!(matches("{src,lib}/**/*.rs", "lib/a/b.rs"));
    }

    #[test]
    fn what_is_not_a_glob_is_refused() {
        assert!(matches!(globs(Some(&["a[".to_owned()])), Err(Error::FixTheCall(_))));
    }
}

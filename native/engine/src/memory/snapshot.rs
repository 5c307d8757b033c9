//! One generation of the store, as readers see it.

use std::collections::HashMap;
use std::sync::Arc;

use super::space::Space;
use super::tree::Tree;
use tiercel_base::error::{Error, Result};

/// Languages and outcomes as small numbers.
#[derive(Debug, Clone, Default)]
pub struct Names {
    numbers: HashMap<Arc<str>, u16>,
    names: Vec<Arc<str>>,
}

impl Names {
    /// The number of a name, if it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, number: u16) -> &str {
        self.names.get(usize::from(number)).map_or("", |name| name)
    }

    /// The number of a name, given now if it is new.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] after 65,535 distinct names.
    pub fn intern(&mut self, name: &str) -> Result<u16> {
        if let Some(number) = self.get(name) {
            return Ok(number);
        }
        let number = u16::try_from(self.names.len())
            .map_err(|_| Error::FixTheCall("Too many different languages and outcomes.".into()))?;
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        Ok(number)
    }
}

/// What a commit made, immutable: files and chunks, the rows of their keys, and the lexical index.
#[derive(Clone)]
pub struct Snapshot {
    /// Number of the commit.
    pub generation: u64,
    /// Trees by root path.
    pub trees: HashMap<Arc<str>, Arc<Tree>>,
    /// Spaces as given when the store was opened.
    pub spaces: Vec<Arc<Space>>,
    /// Languages and outcomes.
    pub names: Arc<Names>,
    /// The lexical index at this commit.
    pub searcher: tantivy::Searcher,
}

impl Snapshot {
    /// The space of this name, with its position.
    ///
    /// # Errors
    /// [`Error::FixTheCall`] when the store was not opened with it.
    pub fn space(&self, name: &str) -> Result<(usize, &Arc<Space>)> {
        self.spaces.iter().enumerate().find(|(_, space)| &*space.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.spaces.iter().map(|space| &*space.name).collect();
            Error::FixTheCall(format!("The store has no vector space {name:?}; it was opened with {known:?}."))
        })
    }
}

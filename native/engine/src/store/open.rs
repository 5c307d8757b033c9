//! Opening a store: versions, the lock, what an unfinished commit left behind, and the first snapshot.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;
use tiercel_base::Key;
use tiercel_base::error::{Error, Result};
use tiercel_tier::Governor;
use tiercel_vectors::{Spec, VectorIndex};

use super::accounts::Accounts;
use super::budget::Keeper;
use super::rows::Rows;
use super::{SpaceSpec, Store, StoreOptions, Writer};
use crate::catalog::record::FileRow;
use crate::catalog::{Catalog, Extent, SpaceRow};
use crate::format;
use crate::lexical::Lexical;
use crate::lexical::files::FileTables;
use crate::lock::{FileLock, LockAttempt};
use crate::memory::column::NONE;
use crate::memory::keys::KeyTable;
use crate::memory::paths::Paths;
use crate::memory::snapshot::{Names, Snapshot};
use crate::memory::space::Space;
use crate::memory::update::{NewFile, Update};
use crate::upgrade;

const CATALOG: &str = "catalog.redb";
const LEXICAL: &str = "lexical";
/// The folder of the vectors, one folder per space in it.
pub(crate) const VECTORS: &str = "vectors";
const LOCK: &str = "lock";

/// Largest dimension of a space.
const LARGEST_DIMENSION: usize = 8192;

impl Store {
    /// Opens the store in `folder`, making it if the folder holds none and upgrading one of an earlier version. Spaces
    /// of the store that are not in `spaces` stay on the disk, untouched, unless [`StoreOptions::keep`] says which do.
    /// Memory is taken from `governor`.
    ///
    /// # Errors
    /// [`Error::UpdateTiercel`] for files of a newer version (nothing is touched), [`Error::RebuildIndex`] for damage,
    /// [`Error::RetryLater`] when another process has it open, [`Error::FixTheCall`] for spaces that cannot be,
    /// [`Error::FixTheMachine`] when the system refuses.
    pub fn open(folder: &Path, spaces: &[SpaceSpec], governor: &Governor, options: &StoreOptions) -> Result<Self> {
        check_specs(spaces)?;
        format::check(folder)?;
        make_private_folder(folder)?;
        let lock = lock(folder)?;
        // Whoever had the store open until now may have upgraded it.
        let version = format::check(folder)?;
        if version.is_none() {
            if folder.join(CATALOG).exists() {
                return Err(Error::RebuildIndex(format!(
                    "The index in {} has lost its format file. Rebuild the index.",
                    folder.display()
                )));
            }
            format::mark(folder)?;
        }
        let loading = Loading { folder, governor, options, version: version.unwrap_or(format::VERSION) };
        // The libraries below trust what they wrote and may panic on damage: that asks for a rebuild too.
        catch_unwind(AssertUnwindSafe(|| loading.load(spaces, lock))).unwrap_or_else(|_| {
            Err(Error::RebuildIndex(format!("The index in {} is damaged. Rebuild the index.", folder.display())))
        })
    }
}

struct Loading<'a> {
    folder: &'a Path,
    governor: &'a Governor,
    options: &'a StoreOptions,
    version: u32,
}

impl Loading<'_> {
    fn load(&self, specs: &[SpaceSpec], lock: FileLock) -> Result<Store> {
        let catalog = Catalog::open(&self.folder.join(CATALOG))?;
        let vectors = self.folder.join(VECTORS);
        std::fs::create_dir_all(&vectors).map_err(|error| Error::io("create", &vectors, &error))?;
        if self.version < format::VERSION {
            upgrade::forget_files(&catalog, &self.folder.join(LEXICAL))?;
            if self.version < upgrade::FOLDERS_OF_VECTORS {
                upgrade::rewrite_vectors(&vectors, &catalog.spaces()?, self.governor)?;
            }
            format::mark(self.folder)?;
        }
        let lexical = Lexical::open(&self.folder.join(LEXICAL))?;
        settle(&catalog, &lexical)?;
        upgrade::remove_old_vectors(&vectors)?;
        if let Some(keep) = &self.options.keep {
            forget_others(&vectors, &catalog, specs, keep)?;
        }
        let (spaces, indexes) = self.open_spaces(&vectors, &catalog, specs)?;
        let mut snapshot = Snapshot {
            generation: catalog.generation()?,
            trees: HashMap::new(),
            spaces,
            names: Arc::new(Names::default()),
            searcher: lexical.searcher(),
        };
        let mut keys = KeyTable::default();
        let mut update = Update::new(&mut keys, &mut snapshot);
        let (names, next_tree) = load_trees(&catalog, &mut update)?;
        for (position, index) in indexes.iter().enumerate() {
            index.reader().for_each_key(&mut |row, key| update.bind(position, key, row))?;
        }
        update.finish();
        snapshot.names = Arc::new(names);
        let paths = snapshot.trees.values().map(|tree| (tree.number, Paths::of(tree))).collect();
        let fields = lexical.fields();
        let next_chunk = catalog.next_chunk()?.max(1);
        let writer = Writer { lexical: Some(lexical), paths, next_chunk, next_tree, broken: None };
        let rows = Arc::new(Rows::new(indexes));
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        let budget = self.options.disk_budget;
        let store = Store {
            folder: self.folder.to_owned(),
            catalog,
            keeper: Keeper::new(self.folder, Arc::clone(&rows), Arc::clone(&current), budget),
            rows,
            keys: RwLock::new(keys),
            current,
            writer: Mutex::new(writer),
            fields,
            files: FileTables::default(),
            search: ArcSwap::from_pointee(self.options.search),
            governor: self.governor.clone(),
            accounts: Accounts::open(self.governor),
            _lock: lock,
        };
        store.charge(&store.writer(), &store.current.load());
        Ok(store)
    }

    fn open_spaces(
        &self,
        folder: &Path,
        catalog: &Catalog,
        specs: &[SpaceSpec],
    ) -> Result<(Vec<Arc<Space>>, Vec<VectorIndex>)> {
        let known: HashMap<String, SpaceRow> = catalog.spaces()?.into_iter().collect();
        let mut next_number = known.values().map(|row| row.number + 1).max().unwrap_or(0);
        let (mut spaces, mut indexes) = (Vec::new(), Vec::new());
        for spec in specs {
            let (number, rows, new) = match known.get(&spec.name) {
                Some(row) => (check_dimension(spec, row)?, row.extent.rows, false),
                None => (next_number, 0, true),
            };
            let home = folder.join(number.to_string());
            if new {
                next_number += 1;
                // What a folder of this number holds is the trace of a space that was never recorded.
                upgrade::remove_folder(&home)?;
            }
            let vectors = Spec { dimension: spec.dimension, number, halves: self.options.halves };
            let index = VectorIndex::open(&home, &vectors, rows, self.governor, &self.options.index)?;
            if new {
                format::sync_folder(folder)?;
                let dimension = u32::try_from(spec.dimension).unwrap_or(u32::MAX);
                let extent = Extent { rows: 0, bytes: 0 };
                catalog.add_space(&spec.name, &SpaceRow { number, dimension, extent })?;
            }
            let mut space = Space::new(&spec.name, number, spec.dimension);
            space.end = rows;
            spaces.push(Arc::new(space));
            indexes.push(index);
        }
        Ok((spaces, indexes))
    }
}

/// Deletes the spaces that are neither opened nor kept, and folders of spaces that were deleted before and are there
/// still. The catalog forgets a space first: its folder means nothing then.
fn forget_others(folder: &Path, catalog: &Catalog, specs: &[SpaceSpec], keep: &[String]) -> Result<()> {
    let mut numbers = HashSet::new();
    for (name, row) in catalog.spaces()? {
        if keep.contains(&name) || specs.iter().any(|spec| spec.name == name) {
            numbers.insert(row.number);
        } else {
            catalog.remove_space(&name)?;
        }
    }
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))? {
        let path = entry.map_err(|error| Error::io("read", folder, &error))?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok());
        if number.is_some_and(|number| !numbers.contains(&number)) {
            upgrade::remove_folder(&path)?;
        }
    }
    Ok(())
}

fn check_specs(spaces: &[SpaceSpec]) -> Result<()> {
    let mut names = HashSet::new();
    for space in spaces {
        if space.name.is_empty() || !names.insert(&space.name) {
            return Err(Error::FixTheCall(format!("The space {:?} is named twice or not at all.", space.name)));
        }
        if space.dimension == 0 || space.dimension > LARGEST_DIMENSION {
            return Err(Error::FixTheCall(format!(
                "The space {:?} has dimension {}; 1 to {LARGEST_DIMENSION} are possible.",
                space.name, space.dimension
            )));
        }
    }
    Ok(())
}

/// The number of a space that is opened with the dimension it was made with.
fn check_dimension(spec: &SpaceSpec, row: &SpaceRow) -> Result<u32> {
    if usize::try_from(row.dimension) != Ok(spec.dimension) {
        return Err(Error::FixTheCall(format!(
            "The space {:?} was made with dimension {}, not {}; a changed model needs another name.",
            spec.name, row.dimension, spec.dimension
        )));
    }
    Ok(row.number)
}

/// The index holds what the repository's files say: nobody else on the machine needs to read it.
fn make_private_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
            .map_err(|error| Error::io("protect", folder, &error))?;
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<FileLock> {
    match FileLock::acquire(&folder.join(LOCK))? {
        LockAttempt::Acquired(lock) => Ok(lock),
        LockAttempt::HeldBy(pid) => {
            let holder = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            let message = format!("The index in {} is in use by {holder}.", folder.display());
            Err(Error::RetryLater { message, after_ms: 1000 })
        }
    }
}

/// Finishes or forgets a commit that was set aside. It happened exactly if the lexical index has it.
fn settle(catalog: &Catalog, lexical: &Lexical) -> Result<()> {
    let indexed = lexical.generation()?;
    if let Some((generation, changes)) = catalog.staged()? {
        if generation == indexed {
            catalog.apply(&changes, true)?;
        } else {
            catalog.unstage()?;
        }
    }
    let expected = catalog.lexical_generation()?;
    if indexed != expected {
        return Err(Error::RebuildIndex(format!(
            "The lexical index is of commit {indexed}, the catalog of {expected}. Rebuild the index."
        )));
    }
    Ok(())
}

/// Adds all trees of the catalog. Gives the names in use and a number for the next tree.
fn load_trees(catalog: &Catalog, update: &mut Update<'_>) -> Result<(Names, u32)> {
    let mut rows: HashMap<u32, Vec<(Arc<str>, FileRow)>> = HashMap::new();
    catalog.for_each_file(|tree, path, row| {
        rows.entry(tree).or_default().push((path.into(), row));
        Ok(())
    })?;
    let mut names = Names::default();
    let mut next_tree = 0;
    for (root, number) in catalog.trees()? {
        let mut files = rows.remove(&number).unwrap_or_default();
        // A file without chunks comes before the one that has the id it would have had.
        files.sort_by_key(|(_, row)| (row.first_chunk, row.keys.len()));
        update.add_tree(&root, number);
        for (path, row) in files {
            let (language, outcome) = (names.intern(&row.language)?, names.intern(&row.outcome)?);
            let file = NewFile { path, language, outcome, first_id: row.first_chunk, keys: &row.keys };
            update.add_file(&root, &file, |_, _: &Key| NONE);
        }
        next_tree = next_tree.max(number + 1);
    }
    Ok((names, next_tree))
}

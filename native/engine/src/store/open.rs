//! Opening a store: versions, the lock, what an unfinished commit left behind, and the first snapshot.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;

use super::{Store, Writer};
use crate::catalog::record::FileRow;
use crate::catalog::{Catalog, SpaceRow};
use crate::codec::int8::LARGEST_DIMENSION;
use crate::error::{Error, Result};
use crate::format;
use crate::kernel::Kernel;
use crate::lexical::Lexical;
use crate::lock::{FileLock, LockAttempt};
use crate::memory::keys::KeyTable;
use crate::memory::snapshot::{Names, Snapshot};
use crate::memory::space::Space;
use crate::memory::tree::Tree;
use crate::vectors::file::{Extent, VectorFile};

const CATALOG: &str = "catalog.redb";
const LEXICAL: &str = "lexical";
const VECTORS: &str = "vectors";
const LOCK: &str = "lock";

/// A vector space to open, made if the store does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceSpec {
    /// Unique name, contains the model's identity.
    pub name: String,
    /// Components of a vector.
    pub dimension: usize,
}

impl Store {
    /// Opens the store in `folder`, making it if the folder holds none. Spaces of the store that are not in `spaces`
    /// stay on the disk, untouched.
    ///
    /// # Errors
    /// [`Error::UpdateTiercel`] for files of a newer version (nothing is touched), [`Error::RebuildIndex`] for damage,
    /// [`Error::RetryLater`] when another process has it open, [`Error::FixTheCall`] for spaces that cannot be,
    /// [`Error::FixTheMachine`] when the system refuses.
    pub fn open(folder: &Path, spaces: &[SpaceSpec]) -> Result<Self> {
        check_specs(spaces)?;
        let marked = format::check(folder)?.is_some();
        make_private_folder(folder)?;
        let lock = lock(folder)?;
        let catalog_path = folder.join(CATALOG);
        if !marked {
            if catalog_path.exists() {
                return Err(Error::RebuildIndex(format!(
                    "The index in {} has lost its format file. Rebuild the index.",
                    folder.display()
                )));
            }
            format::mark(folder)?;
        }
        load(folder, spaces, lock)
    }
}

/// Reads everything. The libraries below trust what they wrote and may panic on damage: that asks for a rebuild too.
fn load(folder: &Path, spaces: &[SpaceSpec], lock: FileLock) -> Result<Store> {
    let read = move || {
        let catalog = Catalog::open(&folder.join(CATALOG))?;
        let lexical = Lexical::open(&folder.join(LEXICAL))?;
        settle(&catalog, &lexical)?;
        let mut keys = KeyTable::default();
        let (spaces, vectors) = open_spaces(folder, &catalog, spaces, &mut keys)?;
        let mut snapshot = Snapshot {
            generation: catalog.generation()?,
            trees: HashMap::new(),
            spaces,
            names: Arc::new(Names::default()),
            searcher: lexical.searcher(),
        };
        let (files, next_tree) = load_trees(&catalog, &mut snapshot, &mut keys)?;
        let fields = lexical.fields();
        let next_chunk = catalog.next_chunk()?.max(1);
        let writer = Writer { lexical: Some(lexical), vectors, files, next_chunk, next_tree, broken: None };
        Ok(Store {
            folder: folder.to_owned(),
            catalog,
            keys: RwLock::new(keys),
            current: ArcSwap::from_pointee(snapshot),
            writer: Mutex::new(writer),
            fields,
            kernel: Kernel::detect(),
            _lock: lock,
        })
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(Error::RebuildIndex(format!("The index in {} is damaged. Rebuild the index.", folder.display())))
    })
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

type OpenSpaces = (Vec<Arc<Space>>, Vec<VectorFile>);

fn open_spaces(folder: &Path, catalog: &Catalog, specs: &[SpaceSpec], keys: &mut KeyTable) -> Result<OpenSpaces> {
    let folder = folder.join(VECTORS);
    std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
    let known: HashMap<String, SpaceRow> = catalog.spaces()?.into_iter().collect();
    let mut next_number = known.values().map(|row| row.number + 1).max().unwrap_or(0);
    let mut opened = (Vec::new(), Vec::new());
    for spec in specs {
        let (space, file) = if let Some(row) = known.get(&spec.name) {
            open_space(&folder, spec, row, keys)?
        } else {
            next_number += 1;
            add_space(&folder, catalog, spec, next_number - 1)?
        };
        opened.0.push(Arc::new(space));
        opened.1.push(file);
    }
    Ok(opened)
}

fn open_space(folder: &Path, spec: &SpaceSpec, row: &SpaceRow, keys: &mut KeyTable) -> Result<(Space, VectorFile)> {
    if usize::try_from(row.dimension) != Ok(spec.dimension) {
        return Err(Error::FixTheCall(format!(
            "The space {:?} was made with dimension {}, not {}; a changed model needs another name.",
            spec.name, row.dimension, spec.dimension
        )));
    }
    let mut space = Space::new(&spec.name, row.number, spec.dimension);
    let path = vector_path(folder, row.number);
    let file = VectorFile::open(&path, spec.dimension, row.number, row.extent, |rows| {
        let ordinals: Vec<u32> = rows.keys.iter().map(|key| keys.intern(key)).collect();
        space.append(&rows, &ordinals);
    })?;
    Ok((space, file))
}

fn add_space(folder: &Path, catalog: &Catalog, spec: &SpaceSpec, number: u32) -> Result<(Space, VectorFile)> {
    let file = VectorFile::create(&vector_path(folder, number), spec.dimension, number)?;
    format::sync_folder(folder)?;
    let dimension = u32::try_from(spec.dimension).unwrap_or(u32::MAX);
    catalog.add_space(&spec.name, &SpaceRow { number, dimension, extent: Extent::EMPTY })?;
    Ok((Space::new(&spec.name, number, spec.dimension), file))
}

fn vector_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.vec"))
}

type FileNumbers = HashMap<u32, HashMap<Arc<str>, u32>>;

fn load_trees(catalog: &Catalog, snapshot: &mut Snapshot, keys: &mut KeyTable) -> Result<(FileNumbers, u32)> {
    let mut rows: HashMap<u32, Vec<(Arc<str>, FileRow)>> = HashMap::new();
    catalog.for_each_file(|tree, path, row| {
        rows.entry(tree).or_default().push((path.into(), row));
        Ok(())
    })?;
    let mut names = Names::default();
    let mut numbers = HashMap::new();
    let mut next_tree = 0;
    for (root, number) in catalog.trees()? {
        let mut files = rows.remove(&number).unwrap_or_default();
        files.sort_by_key(|(_, row)| row.first_chunk);
        let mut tree = Tree::new(number);
        let mut by_path = HashMap::with_capacity(files.len());
        for (path, row) in files {
            let (language, outcome) = (names.intern(&row.language)?, names.intern(&row.outcome)?);
            let ordinals: Vec<u32> = row.keys.iter().map(|key| keys.intern(key)).collect();
            let file = tree.add(Arc::clone(&path), language, outcome, row.first_chunk, &ordinals);
            by_path.insert(path, file);
        }
        snapshot.trees.insert(root.into(), Arc::new(tree));
        numbers.insert(number, by_path);
        next_tree = next_tree.max(number + 1);
    }
    snapshot.names = Arc::new(names);
    Ok((numbers, next_tree))
}

//! Better scores for candidates that 1-bit codes found.

use std::collections::HashMap;

use tiercel_base::error::{Error, Result};
use tiercel_codec::planes::PlanesQuery;

use super::Search;
use super::rescore::{NO_PLACE, Scored};
use crate::codes::CodeSet;

/// Scores candidates by better codes than those that found them.
pub struct Better<'q, 's> {
    search: &'q Search<'s>,
    set: &'q CodeSet,
    /// Made when it is needed.
    query: Option<PlanesQuery>,
    /// The query's dot products with centroids, by cell.
    bases: HashMap<u32, f32>,
    buffer: Vec<i8>,
}

impl<'q, 's> Better<'q, 's> {
    pub fn new(search: &'q Search<'s>, set: &'q CodeSet) -> Self {
        Self { search, set, query: None, bases: HashMap::new(), buffer: vec![0; search.pages.padded] }
    }

    /// By int8 codes if they are in memory, else by 4-bit codes, else by int8 codes from the disk.
    pub fn score(&mut self, candidate: &Scored) -> Result<Option<f32>> {
        if !self.set.planes || self.search.in_memory(candidate.row) {
            return self.search.stored_score(candidate.row, &mut self.buffer);
        }
        self.by_planes(candidate)
    }

    /// By 4-bit codes; a recent row, which has none, by its int8 codes.
    pub fn by_planes(&mut self, candidate: &Scored) -> Result<Option<f32>> {
        let (search, set) = (self.search, self.set);
        if candidate.place >= NO_PLACE {
            return search.stored_score(candidate.row, &mut self.buffer);
        }
        let place = set
            .find(candidate.place)
            .ok_or_else(|| Error::Report("A candidate lies outside of its files of codes.".into()))?;
        let file = &set.files[place.file];
        let cell = file.codes.pages()[place.page].cell;
        let base = *self
            .bases
            .entry(cell)
            .or_insert_with(|| search.kernel.dot_f32(search.rotated, set.partition.centroid(cell)));
        let query = self.query.get_or_insert_with(|| PlanesQuery::new(search.rotated));
        let (bits, planes) = (file.bits(search.pages, place.page)?, file.planes(search.pages, place.page)?);
        let bits = file.bits_view(place.page, &bits, search.pages.padded)?;
        let planes = file.planes_view(place.page, &planes, search.pages.padded)?;
        Ok(Some(search.kernel.score_planes(query, base, &bits, &planes, place.position)))
    }
}

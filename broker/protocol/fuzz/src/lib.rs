//! The checks that both fuzz targets make.

pub mod check;

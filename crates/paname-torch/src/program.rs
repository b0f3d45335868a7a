//! Programs of torch.export: data that is read, checked and run operator by operator, without Python.

mod allowed;
mod compile;
mod exported;
mod runner;
mod shim;
mod start;
mod weights;

#[cfg(test)]
mod tests;

pub(crate) use exported::Exported;

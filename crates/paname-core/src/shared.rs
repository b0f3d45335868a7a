//! Numbers that are shared instead of copied.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::abi::AbiShared;

/// Plain numbers that never change and that cloning shares: a slice of this library, or memory that another library, such as a plugin, gives
/// back when the last clone is gone.
pub struct Shared<T>(Memory<T>);

enum Memory<T> {
    Own(Arc<[T]>),
    Foreign(Arc<dyn AsRef<[T]> + Send + Sync>),
    Crossed(AbiShared<T>),
}

/// Numbers of records, or classes.
pub type Indices = Shared<u32>;

impl<T> Shared<T> {
    /// Memory of another library, which must always give the same slice.
    pub(crate) fn foreign(owner: Arc<dyn AsRef<[T]> + Send + Sync>) -> Self {
        Self(Memory::Foreign(owner))
    }

    /// Memory that came across a plugin boundary.
    pub(crate) fn crossed(memory: AbiShared<T>) -> Self {
        Self(Memory::Crossed(memory))
    }

    /// The slice where it is this library's own.
    pub(crate) fn own(&self) -> Option<&Arc<[T]>> {
        match &self.0 {
            Memory::Own(own) => Some(own),
            Memory::Foreign(_) | Memory::Crossed(_) => None,
        }
    }

    /// The same where it came across a plugin boundary.
    pub(crate) fn as_crossed(&self) -> Option<&AbiShared<T>> {
        match &self.0 {
            Memory::Crossed(memory) => Some(memory),
            Memory::Own(_) | Memory::Foreign(_) => None,
        }
    }
}

impl<T: Clone> Shared<T> {
    /// The numbers, to be changed: copied first where they are shared.
    pub(crate) fn make_mut(&mut self) -> &mut [T] {
        if !matches!(self.0, Memory::Own(_)) {
            self.0 = Memory::Own((**self).into());
        }
        match &mut self.0 {
            Memory::Own(own) => Arc::make_mut(own),
            Memory::Foreign(_) | Memory::Crossed(_) => &mut [],
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Memory::Own(own) => own,
            Memory::Foreign(owner) => (**owner).as_ref(),
            Memory::Crossed(memory) => memory.as_ref(),
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Memory::Own(own) => Memory::Own(Arc::clone(own)),
            Memory::Foreign(owner) => Memory::Foreign(Arc::clone(owner)),
            Memory::Crossed(memory) => Memory::Crossed(memory.clone()),
        })
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Memory::Own(Arc::new([])))
    }
}

impl<T, U> From<U> for Shared<T>
where
    Arc<[T]>: From<U>,
{
    fn from(numbers: U) -> Self {
        Self(Memory::Own(numbers.into()))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Self {
        Self(Memory::Own(numbers.into_iter().collect()))
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

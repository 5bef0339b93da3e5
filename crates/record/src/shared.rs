//! Lists that most runs of a record have in common, kept once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Confinement, Trial, ValueInForce};

/// A list that is cheap to clone; whoever changes it gets a list of its own first.
///
/// The limits in force and the jail fill more than half of a record, and a few dozen different ones serve thousands of runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shared<T>(Arc<Vec<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(list: Vec<T>) -> Self {
        Self(Arc::new(list))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(Arc::new(items.into_iter().collect()))
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        Arc::make_mut(&mut self.0).as_mut_slice()
    }
}

impl<'a, T> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<T>::deserialize(deserializer).map(Self::from)
    }
}

impl<T: JsonSchema> JsonSchema for Shared<T> {
    fn inline_schema() -> bool {
        Vec::<T>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

/// The lists of the trials seen so far, so that trials which come in one by one share them.
///
/// ```
/// let mut record = gauntlet_record::example();
/// let mut lists = gauntlet_record::Lists::default();
/// for trial in &mut record.trials {
///     lists.share(trial);
/// }
/// assert_eq!(record, gauntlet_record::example());
/// ```
#[derive(Debug, Default)]
pub struct Lists {
    values: HashSet<Shared<ValueInForce>>,
    confinement: HashSet<Shared<Confinement>>,
}

impl Lists {
    /// Gives a trial the lists of earlier ones where they are equal, and takes no more room for the others than they need.
    pub fn share(&mut self, trial: &mut Trial) {
        trial.runs.shrink_to_fit();
        for run in &mut trial.runs {
            run.usage.shrink_to_fit();
            one(&mut self.values, &mut run.values);
            one(&mut self.confinement, &mut run.confinement);
        }
    }
}

fn one<T: Clone + Eq + Hash>(known: &mut HashSet<Shared<T>>, list: &mut Shared<T>) {
    match known.get(&*list) {
        Some(first) => *list = first.clone(),
        None => {
            Arc::make_mut(&mut list.0).shrink_to_fit();
            known.insert(list.clone());
        }
    }
}

/// Reads trials one by one, so that there is never more than one with lists of its own.
pub(crate) fn trials<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Trial>, D::Error> {
    struct Trials;

    impl<'de> Visitor<'de> for Trials {
        type Value = Vec<Trial>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of trials")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Vec<Trial>, A::Error> {
            let (mut lists, mut trials) = (Lists::default(), Vec::new());
            while let Some(mut trial) = given.next_element()? {
                lists.share(&mut trial);
                trials.push(trial);
            }
            Ok(trials)
        }
    }

    deserializer.deserialize_seq(Trials)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn equal_lists_are_kept_once_and_a_change_of_one_leaves_the_others() {
        let text = serde_json::to_string(&example()).unwrap();
        let mut record = crate::parse(text.as_bytes()).unwrap();
        assert_eq!(record, example());
        let [first, second] = [0, 1].map(|index| record.trials[index].runs[0].values.clone());
        assert!(Arc::ptr_eq(&first.0, &second.0));
        record.trials[0].runs[0].values[0].value = "other".to_owned();
        assert_eq!(record.trials[1], example().trials[1]);
        assert_ne!(record.trials[0], example().trials[0]);
    }
}

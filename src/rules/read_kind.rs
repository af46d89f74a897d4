//! Reading the kinds of a pack: which fields and relations of the pack each uses, and how.

use toml::Spanned;

use super::kind::{
    Ask, CaseRule, Effect, Field, FolderRule, HeldUp, Kind, KindField, KindRelation, Layer, Level, Protection, Second,
};
use super::pack::{Pack, PackError};
use super::raw::{Name, RawCondition, RawKind, RawPack, RawPlace};
use super::read::Reader;
use crate::codec::{Folder, KindNumber, Publicity, RelationNumber};

impl Reader<'_> {
    pub(super) fn kind(&self, raw: &RawKind, whole: &RawPack, pack: &Pack) -> Result<Kind, PackError> {
        let number = self.any_kind(&raw.name)?;
        if pack.kinds.iter().any(|kind| kind.number == number) {
            return Err(self.error(&raw.name, "stands twice"));
        }
        let folder = self.folder(&raw.folder, raw)?;
        if (number.publicity() == Some(Publicity::Public)) != (folder == FolderRule::Public) {
            return Err(self.error(&raw.folder, "does not fit: the format says which kinds are public"));
        }
        if let Some(counts) = &raw.counts {
            self.one_of(counts, &[("decided_at", ())])?;
        }
        let mut kind = Kind {
            number,
            name: raw.name.get_ref().clone(),
            label: raw.label.clone(),
            act: self.one_of(&raw.is, &[("act", true), ("report", false)])?,
            folder,
            case: self.one_of(&raw.case, CASES)?,
            held_up: self.one_of(&raw.held_up, HELD_UP)?,
            second: raw.second.as_ref().map_or(Ok(Second::No), |at| self.one_of(at, SECOND))?,
            fields: self.kind_fields(raw, whole, pack)?,
            labels: Vec::new(),
            relations: self.kind_relations(raw, whole, pack, number)?,
            asks: self.asks(raw, pack)?,
            goes_to: self.goes_to(raw, pack)?,
            places: self.places(raw, pack)?,
            protection: match raw.protection.as_slice() {
                [only] if only.get_ref() == "always" => Protection::Always,
                codes => Protection::Codes(self.codes_of(codes, pack)?),
            },
            decision_counts: raw.counts.is_some(),
            opens: self.effects(&raw.opens, pack)?,
            closes: self.effects(&raw.closes, pack)?,
        };
        let asked = |id: u16| {
            let field = pack.field_numbered(id).map(|(field, _)| field.id);
            kind.fields.iter().any(|used| pack.fields.get(used.index).map(|known| known.id) == field)
        };
        let of = kind.fields.iter().filter_map(|used| used.condition.as_ref());
        let of = of.chain(kind.relations.iter().filter_map(|relation| relation.condition.as_ref()));
        let of = of.map(|(of, _)| *of).chain(kind.asks.iter().map(|ask| ask.field)).chain(pack.id_of(&kind.goes_to));
        if !of.into_iter().all(asked) {
            return Err(self.error(&raw.name, "depends on a field that it does not ask"));
        }
        for (name, label) in &raw.labels {
            let field = pack.field(name).ok_or_else(|| self.error(&raw.name, "words a question of no field"))?;
            let used = field.layer == Layer::Header
                || kind.fields.iter().any(|used| pack.fields.get(used.index).is_some_and(|known| known.id == field.id));
            if !used {
                return Err(self.error(&raw.name, &format!("words the question {name}, which it does not ask")));
            }
            kind.labels.push((name.clone(), label.clone()));
        }
        Ok(kind)
    }

    fn folder(&self, at: &Name, raw: &RawKind) -> Result<FolderRule, PackError> {
        let text = at.get_ref().as_str();
        if let Some(relation) = text.strip_prefix("as ") {
            let wanted = raw.always_relations.iter().any(|name| name.get_ref() == relation);
            return RelationNumber::of(relation)
                .filter(|_| wanted)
                .map(FolderRule::As)
                .ok_or_else(|| self.error(at, "names no relation that the kind always wants"));
        }
        match text {
            "public" => return Ok(FolderRule::Public),
            "-" => return Ok(FolderRule::NoWords),
            "roll" => return Ok(FolderRule::Roll),
            _ => {}
        }
        let mut folders = Vec::new();
        for name in text.split('/') {
            let some = match name {
                "case" => vec![Folder::General, Folder::Protection],
                name => Folder::from_name(name).into_iter().collect(),
            };
            if some.is_empty() || some.iter().any(|folder| folders.contains(folder)) {
                return Err(self.error(at, "is no folder, or names one twice"));
            }
            folders.extend(some);
        }
        Ok(FolderRule::Among(folders))
    }

    fn places(&self, raw: &RawKind, pack: &Pack) -> Result<Vec<(Folder, Vec<String>)>, PackError> {
        let read = |place: &RawPlace| {
            let folder = Folder::from_name(place.folder.get_ref());
            let folder = folder.ok_or_else(|| self.error(&place.folder, "is no folder"))?;
            Ok((folder, self.codes_of(&place.is, pack)?))
        };
        raw.places.iter().map(read).collect()
    }

    fn asks(&self, raw: &RawKind, pack: &Pack) -> Result<Vec<Ask>, PackError> {
        let mut asks = Vec::new();
        for ask in &raw.asks {
            if !pack.switches.iter().any(|switch| switch.name == *ask.switch.get_ref()) {
                return Err(self.error(&ask.switch, "is no switch of this pack"));
            }
            let field = pack.id_of(ask.field.get_ref());
            asks.push(Ask {
                switch: ask.switch.get_ref().clone(),
                field: field.ok_or_else(|| self.error(&ask.field, "is no field of this pack"))?,
                among: self.codes_of(&ask.among, pack)?,
                what: ask.what.clone(),
                next: ask.next.clone(),
            });
        }
        Ok(asks)
    }

    fn goes_to(&self, raw: &RawKind, pack: &Pack) -> Result<String, PackError> {
        let Some(name) = &raw.goes_to else {
            let by_recipient = raw.held_up.get_ref() == "recipient";
            return Ok(if by_recipient { "recipient".to_owned() } else { String::new() });
        };
        match pack.field(name.get_ref()).filter(|field| field.subfield("agency").is_some()) {
            Some(field) => Ok(field.name.clone()),
            None => Err(self.error(name, "is no field that names an agency")),
        }
    }

    fn condition(&self, raw: &RawCondition, pack: &Pack) -> Result<(u16, Vec<String>), PackError> {
        let of = pack.id_of(raw.of.get_ref());
        let of = of.ok_or_else(|| self.error(&raw.of, "is no field of this pack"))?;
        Ok((of, self.codes_of(&raw.is, pack)?))
    }

    fn kind_fields(&self, raw: &RawKind, whole: &RawPack, pack: &Pack) -> Result<Vec<KindField>, PackError> {
        let levels =
            [(&raw.always, Level::Always), (&raw.before_act, Level::BeforeAct), (&raw.optional, Level::Optional)];
        self.unique(levels.iter().flat_map(|(names, _)| names.iter()))?;
        let named =
            |name: &Name| levels.iter().any(|(names, _)| names.iter().any(|own| own.get_ref() == name.get_ref()));
        let common: Vec<Name> = whole.common.iter().filter(|name| !named(name)).cloned().collect();
        let has_words = !matches!(raw.folder.get_ref().as_str(), "public" | "-");
        let mut fields: Vec<KindField> = Vec::new();
        for (names, level) in levels.into_iter().chain([(&common, Level::Optional)]) {
            for name in names {
                let index = pack.fields.iter().position(|field| field.name == *name.get_ref());
                let index = index.ok_or_else(|| self.error(name, "is no field of this pack"))?;
                let field = pack.fields.get(index).filter(|field| field.layer != Layer::Header);
                let field = field.ok_or_else(|| self.error(name, "stands in every entry and is not listed"))?;
                // What goes to the roll is named by the kind: nobody's share in an entry stands there.
                let shared = whole.common.iter().any(|common| common.get_ref() == name.get_ref());
                let for_roll = raw.folder.get_ref() == "roll" && shared;
                if (!has_words && shared || for_roll) && field.wordy() {
                    continue;
                }
                // Of a group the parts that are no words can stand where there is no folder for words.
                if !has_words && field.wordy() && field.subfields.iter().all(Field::wordy) {
                    return Err(self.error(name, "holds words, which this kind has no folder for"));
                }
                fields.push(KindField { index, level, softened: false, many: field.list, condition: None });
            }
        }
        let find = |fields: &[KindField], name: &Name| {
            let at = fields
                .iter()
                .position(|used| pack.fields.get(used.index).is_some_and(|field| field.name == *name.get_ref()));
            at.ok_or_else(|| self.error(name, "is no field of this kind"))
        };
        for name in &raw.softened {
            let at = find(&fields, name)?;
            if let Some(field) = fields.get_mut(at) {
                field.softened = true;
            }
        }
        for name in &raw.many {
            let at = find(&fields, name)?;
            if let Some(field) = fields.get_mut(at) {
                field.many = true;
            }
        }
        for condition in &raw.conditions {
            if condition.field.is_some() == condition.relation.is_some() {
                return Err(self.error(&condition.of, "decides on a field or on a relation, one of the two"));
            }
            let Some(name) = &condition.field else { continue };
            let at = find(&fields, name)?;
            let condition = self.condition(condition, pack)?;
            if let Some(field) = fields.get_mut(at) {
                field.condition = Some(condition);
            }
        }
        Ok(fields)
    }

    fn kind_relations(
        &self,
        raw: &RawKind,
        whole: &RawPack,
        pack: &Pack,
        own: KindNumber,
    ) -> Result<Vec<KindRelation>, PackError> {
        let mut relations: Vec<KindRelation> = Vec::new();
        for text in &raw.relations {
            let (name, to) = match text.get_ref().split_once(':') {
                Some((name, to)) => (name, Some(to)),
                None => (text.get_ref().as_str(), None),
            };
            let known = whole.relations.iter().find(|relation| relation.name.get_ref() == name);
            let known = known.ok_or_else(|| self.error(text, "is no relation of this pack"))?;
            let number = RelationNumber::of(name).ok_or_else(|| self.error(text, "is no relation of the format"))?;
            if relations.iter().any(|relation| relation.number == number) {
                return Err(self.error(text, "stands twice"));
            }
            let to = match to {
                None => self.targets(&known.to, whole, own)?,
                Some(kinds) => {
                    let kinds = kinds.split(',').map(|kind| Spanned::new(text.span(), kind.trim().to_owned()));
                    self.targets(&kinds.collect::<Vec<_>>(), whole, own)?
                }
            };
            let named = |names: &[Name]| names.iter().any(|wanted| wanted.get_ref() == name);
            let level = match (named(&raw.always_relations), named(&raw.before_act_relations)) {
                (true, _) => Level::Always,
                (false, true) => Level::BeforeAct,
                (false, false) => Level::Optional,
            };
            relations.push(KindRelation { number, to, level, condition: None });
        }
        for condition in &raw.conditions {
            let Some(name) = &condition.relation else { continue };
            let number = RelationNumber::of(name.get_ref());
            let wanted = relations.iter_mut().find(|relation| Some(relation.number) == number);
            let wanted = wanted.filter(|relation| relation.level != Level::Optional);
            let wanted = wanted.ok_or_else(|| self.error(name, "is no relation that this kind wants"))?;
            wanted.condition = Some(self.condition(condition, pack)?);
        }
        for wanted in raw.always_relations.iter().chain(&raw.before_act_relations) {
            let number = RelationNumber::of(wanted.get_ref());
            if !relations.iter().any(|relation| Some(relation.number) == number) {
                return Err(self.error(wanted, "is no relation of this kind"));
            }
        }
        // Every kind may speak of any entry, and fill in what an earlier entry of its own kind left open.
        for (name, to) in [("about", None), ("completes", Some(vec![own]))] {
            let Some(number) = RelationNumber::of(name) else { continue };
            if !relations.iter().any(|relation| relation.number == number) {
                relations.push(KindRelation { number, to, level: Level::Optional, condition: None });
            }
        }
        Ok(relations)
    }

    fn effects(&self, texts: &[Name], pack: &Pack) -> Result<Vec<Effect>, PackError> {
        let mut effects = Vec::new();
        for text in texts {
            let (flag, when) = match text.get_ref().split_once(':') {
                Some((flag, when)) => (flag, Some(when.trim().to_owned())),
                None => (text.get_ref().as_str(), None),
            };
            let (flag, step) = match flag.split_once('/') {
                Some((flag, step)) => (flag, Some(step.to_owned())),
                None => (flag, None),
            };
            if pack.list("FLAG").is_none_or(|list| list.find(flag).is_none()) {
                return Err(self.error(text, "names no flag of this pack"));
            }
            effects.push(Effect { flag: flag.to_owned(), step, when });
        }
        Ok(effects)
    }
}

const CASES: &[(&str, CaseRule)] =
    &[("needed", CaseRule::Needed), ("optional", CaseRule::Optional), ("none", CaseRule::None)];

const HELD_UP: &[(&str, HeldUp)] =
    &[("never", HeldUp::Never), ("recipient", HeldUp::ByRecipient), ("gate", HeldUp::Gate)];

const SECOND: &[(&str, Second)] = &[("always", Second::Always), ("roles", Second::Roles)];

// The links between the supernodes of a graph, as circuit-tracer's frontend draws them: of the inputs of a supernode
// from outside it, the share that comes from another; and the plain sum of the direct effects.
// @param k INTEGER = 1000 -- at most this many, the largest shares first
// @returns source STRING -- name of the supernode that acts
// @returns target STRING -- name of the supernode that it acts on
// @returns share FLOAT -- sum of weight / input_sum of the links' targets, over the sum of their shares of outer inputs
// @returns sum FLOAT -- sum of the direct effects
// @returns effects INTEGER -- how many there are
CYPHER 25
// The nodes of each supernode. A node in several counts in the last.
MATCH (to:Supernode {graph: $graph}) WHERE @indexed(to.name)
MATCH (to)-[:GROUPS]->(t:Node) WHERE NOT EXISTS { MATCH (t)<-[:GROUPS]-(later:Supernode) WHERE later.order > to.order }
// The inputs of each from outside its supernode, by the supernode that they come from; null for other nodes.
CALL (to, t) {
  MATCH (t)<-[r:DIRECT_EFFECT]-(s)
  OPTIONAL MATCH (s)<-[:GROUPS]-(owner:Supernode)
  WITH r, owner ORDER BY owner.order
  WITH r.weight AS weight, last(collect(owner.name)) AS source, r
  WHERE source IS NULL OR source <> to.name
  RETURN source, sum(weight) AS weight, sum(abs(weight)) AS size, count(r) AS effects
}
WITH to, source, sum(weight / t.input_sum) AS share, sum(size / t.input_sum) AS outer, sum(weight) AS total,
     sum(effects) AS effects
WITH to, collect({source: source, share: share, total: total, effects: effects}) AS links, sum(outer) AS outer
UNWIND links AS link
WITH to, outer, link WHERE link.source IS NOT NULL
RETURN link.source AS source, to.name AS target, link.share / outer AS share, link.total AS sum, link.effects AS effects
ORDER BY abs(share) DESC, source, target LIMIT $k
// visual: The supernodes of a graph, what each groups, and the strongest direct effects between them.
CYPHER 25
MATCH (from:Supernode {graph: $graph}) WHERE @indexed(from.name)
WITH from ORDER BY from.order LIMIT 100
MATCH p = (from)-[:GROUPS]->()-[r:DIRECT_EFFECT]->()<-[:GROUPS]-(to) WHERE to <> from
RETURN p ORDER BY abs(r.weight) DESC LIMIT 200

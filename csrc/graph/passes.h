// Graph passes: rewrite what a trace recorded before it is planned.
#pragma once

#include "graph/trace.h"

namespace pyneural {

// Nodes that outputs, assignments and effects need, operands first. Leaves included.
std::vector<Node*> schedule(const Graph& graph);

// Merges equal applications of the same op, calls the ops' fusion hooks, and turns element-wise chains into single
// loops.
void optimize(Graph& graph);

}  // namespace pyneural

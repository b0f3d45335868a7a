"""Which value of a graph is the output of which module, so that activations can be asked for by a module's name."""


def layers_of(graph):
    """Modules with the value that is their output, in the order of the graph.

    It is the value that is made inside the module and used outside, or given by the graph itself; the first one where there are
    several, as of recurrent layers. Where none is, as of a module whose output nothing uses, there is no layer.
    """
    given = {argument["as_tensor"]["name"] for argument in graph.outputs if "as_tensor" in argument}
    users = {}
    for step in graph.steps:
        for value in step.used:
            users.setdefault(value.name, []).append(set(step.modules))
    found = {}
    for step in graph.steps:
        for value in step.made:
            if value.kind != "tensor":
                continue
            for path in step.modules:
                if not path or path in found:
                    continue
                if value.name in given or any(path not in inside for inside in users.get(value.name, ())):
                    found[path] = value.name
    return found

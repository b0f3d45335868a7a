// What kernels of libtorch take for granted of what they are given, and read or write beyond it where it does not hold: checked before a call. libtorch
// checks it in the functions of Python, not in the operators that a file can name.

#pragma once

#include <ATen/ATen.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/stack.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace paname {

using torch::jit::Stack;

enum class Precondition : uint8_t { None, Normalisation, GroupNormalisation, Recurrent, Cell, Attention, Spectrum };

inline bool is_among(const std::string& name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return name == one; });
}

// Which of them an operator has.
inline Precondition precondition_of(const c10::FunctionSchema& schema) {
  const std::string& name = schema.name();
  const auto is = [&](std::initializer_list<const char*> names) { return is_among(name, names); };
  if (name.find("batch_norm") != std::string::npos || name == "aten::instance_norm") return Precondition::Normalisation;
  if (name == "aten::native_group_norm") return Precondition::GroupNormalisation;
  if (is({"aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"})) return Precondition::Recurrent;
  if (is({"aten::lstm_cell", "aten::gru_cell", "aten::rnn_tanh_cell", "aten::rnn_relu_cell"})) return Precondition::Cell;
  if (name == "aten::scaled_dot_product_attention") return Precondition::Attention;
  if (name == "aten::_fft_c2r") return Precondition::Spectrum;
  return Precondition::None;
}

// The arguments of a call by name.
struct Arguments {
  const c10::FunctionSchema& schema;
  const Stack& stack;

  const c10::IValue* find(const char* name) const {
    const auto& all = schema.arguments();
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].name() == name) return &stack[i];
    }
    return nullptr;
  }

  // Nothing where it is absent, or no tensor.
  std::optional<at::Tensor> tensor(const char* name) const {
    const c10::IValue* value = find(name);
    if (!value || !value->isTensor() || !value->toTensor().defined()) return std::nullopt;
    return value->toTensor();
  }

  at::Tensor needed(const char* name) const {
    auto found = tensor(name);
    if (!found) throw std::runtime_error(std::string("argument `") + name + "`: expected a tensor");
    return *found;
  }

  int64_t whole(const char* name, int64_t otherwise) const {
    const c10::IValue* value = find(name);
    return value && value->isInt() ? value->toInt() : otherwise;
  }

  bool truth(const char* name) const {
    const c10::IValue* value = find(name);
    return value && value->isBool() && value->toBool();
  }

  // Empty where it is absent, or no list of whole numbers.
  std::vector<int64_t> wholes(const char* name) const {
    const c10::IValue* value = find(name);
    return value && value->isIntList() ? value->toIntVector() : std::vector<int64_t>();
  }

  // A list of tensors, or the one tensor that stands for it.
  std::vector<at::Tensor> tensors(const char* name) const {
    const c10::IValue* value = find(name);
    if (value && value->isTensorList()) return value->toTensorVector();
    return {needed(name)};
  }
};

inline void expect_sizes(const char* name, const at::Tensor& value, at::IntArrayRef sizes) {
  if (value.sizes() == sizes) return;
  std::string told = std::string("argument `") + name + "`: expected sizes [";
  for (size_t i = 0; i < sizes.size(); ++i) told += (i ? ", " : "") + std::to_string(sizes[i]);
  told += "], got [";
  for (int64_t i = 0; i < value.dim(); ++i) told += (i ? ", " : "") + std::to_string(value.size(i));
  throw std::runtime_error(told + "]");
}

inline void expect(bool holds, const char* otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

// As many weights and statistics as there are channels; both statistics or none; and without them by the batch.
inline void check_normalisation(const Arguments& all) {
  const at::Tensor input = all.needed("input");
  expect(input.dim() >= 2, "argument `input`: expected two dimensions or more");
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    if (const auto value = all.tensor(name)) expect_sizes(name, *value, {input.size(1)});
  }
  const bool mean = all.tensor("running_mean").has_value(), variance = all.tensor("running_var").has_value();
  expect(mean == variance, "expected both of `running_mean` and `running_var`, or none");
  const bool by_batch = all.truth("training") || all.truth("use_input_stats");
  expect(mean || by_batch, "without running statistics it has to go by the batch");
}

inline void check_group_normalisation(const Arguments& all) {
  const int64_t records = all.whole("N", -1), channels = all.whole("C", -1), places = all.whole("HxW", -1);
  const at::Tensor input = all.needed("input");
  expect(input.dim() >= 2 && input.size(0) == records && input.size(1) == channels, "expected an input of sizes [N, C, …]");
  const int64_t plane = records * channels;
  expect(plane == 0 || (input.numel() / plane == places), "expected an input of N times C times HxW elements");
  for (const char* name : {"weight", "bias"}) {
    if (const auto value = all.tensor(name)) expect_sizes(name, *value, {channels});
  }
}

inline int64_t gates_of(const c10::FunctionSchema& schema) {
  if (schema.name().find("lstm") != std::string::npos) return 4;
  return schema.name().find("gru") != std::string::npos ? 3 : 1;
}

// States for every layer and direction, and weights of the sizes that follow from them.
inline void check_recurrent(const Arguments& all) {
  const int64_t gates = gates_of(all.schema);
  const int64_t directions = all.truth("bidirectional") ? 2 : 1, layers = all.whole("num_layers", 0);
  const std::vector<at::Tensor> states = all.tensors("hx"), weights = all.tensors("params");
  expect(states.size() == (gates == 4 ? 2 : 1), "argument `hx`: expected another number of states");
  expect(layers >= 1 && size_t(layers) <= weights.size(), "argument `num_layers`: expected as many as there are weights for");
  const auto batch_sizes = all.tensor("batch_sizes");
  const at::Tensor input = all.needed(batch_sizes ? "data" : "input");
  expect(input.dim() == (batch_sizes ? 2 : 3), "argument `input`: expected another number of dimensions");
  for (const at::Tensor& state : states) expect(state.dim() == 3, "argument `hx`: expected states of three dimensions");
  int64_t records;
  if (batch_sizes) {
    const at::Tensor& steps = *batch_sizes;
    expect(
        steps.dim() == 1 && steps.numel() > 0 && steps.scalar_type() == at::kLong && steps.is_cpu() && steps.is_contiguous(),
        "argument `batch_sizes`: expected whole numbers, one after the other");
    const int64_t* each = steps.const_data_ptr<int64_t>();
    int64_t total = 0;
    for (int64_t i = 0; i < steps.numel(); ++i) {
      expect(each[i] > 0 && (i == 0 || each[i] <= each[i - 1]), "argument `batch_sizes`: expected numbers above 0 that never grow");
      expect(each[i] <= input.size(0) - total, "argument `batch_sizes`: expected the rows of `data` in all");
      total += each[i];
    }
    expect(total == input.size(0), "argument `batch_sizes`: expected the rows of `data` in all");
    records = each[0];
  } else {
    records = input.size(all.truth("batch_first") ? 0 : 1);
    expect(input.size(all.truth("batch_first") ? 1 : 0) > 0, "argument `input`: expected one step or more");
  }
  // Of an LSTM whose states are projected, the first one is narrower.
  const int64_t hidden = states.back().size(2), given = states[0].size(2);
  const bool biases = all.truth("has_biases"), projected = given != hidden;
  for (const at::Tensor& state : states) {
    expect_sizes("hx", state, {layers * directions, records, &state == &states.back() ? hidden : given});
  }
  const size_t each = 2 + (biases ? 2 : 0) + (projected ? 1 : 0);
  expect(weights.size() == size_t(layers * directions) * each, "argument `params`: expected another number of weights");
  for (int64_t i = 0; i < layers * directions; ++i) {
    const at::Tensor* own = &weights[size_t(i) * each];
    expect_sizes("params", own[0], {gates * hidden, i < directions ? input.size(-1) : given * directions});
    expect_sizes("params", own[1], {gates * hidden, given});
    for (size_t bias = 2; biases && bias < 4; ++bias) expect_sizes("params", own[bias], {gates * hidden});
    if (projected) expect_sizes("params", own[each - 1], {given, hidden});
  }
}

inline void check_cell(const Arguments& all) {
  const int64_t gates = gates_of(all.schema);
  const at::Tensor input = all.needed("input");
  const std::vector<at::Tensor> states = all.tensors("hx");
  expect(states.size() == (gates == 4 ? 2 : 1), "argument `hx`: expected another number of states");
  expect(input.dim() == 2 && states[0].dim() == 2, "expected an input and states of two dimensions");
  const int64_t hidden = states[0].size(1);
  for (const at::Tensor& state : states) expect_sizes("hx", state, {input.size(0), hidden});
  expect_sizes("w_ih", all.needed("w_ih"), {gates * hidden, input.size(1)});
  expect_sizes("w_hh", all.needed("w_hh"), {gates * hidden, hidden});
  for (const char* name : {"b_ih", "b_hh"}) {
    if (const auto bias = all.tensor(name)) expect_sizes(name, *bias, {gates * hidden});
  }
}

// A value for each key, keys as wide as queries, and some of both.
inline void check_attention(const Arguments& all) {
  const at::Tensor query = all.needed("query"), key = all.needed("key"), value = all.needed("value");
  expect(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2, "expected a query, a key and a value of two dimensions or more");
  expect(key.size(-2) == value.size(-2), "expected as many values as keys");
  expect(query.size(-1) == key.size(-1), "expected a query as wide as the keys");
  for (const at::Tensor& each : {query, key, value}) {
    expect(each.size(-1) > 0 && each.size(-2) > 0, "expected a query, a key and a value that are not empty");
  }
}

inline void check_spectrum(const Arguments& all) {
  const at::Tensor input = all.needed("self");
  const c10::IValue* dims = all.find("dim");
  expect(dims && dims->isIntList() && dims->toIntList().size() > 0, "argument `dim`: expected a dimension");
  const std::vector<int64_t> list = dims->toIntVector();
  for (int64_t dim : list) expect(dim >= -input.dim() && dim < input.dim(), "argument `dim`: expected one of the input");
  const int64_t size = all.whole("last_dim_size", -1);
  expect(size >= 1 && input.size(list.back()) == size / 2 + 1, "argument `last_dim_size`: expected the size that the spectrum is of");
}

// Throws what does not hold.
inline void check(Precondition which, const c10::FunctionSchema& schema, const Stack& stack) {
  const Arguments all{schema, stack};
  switch (which) {
    case Precondition::None: return;
    case Precondition::Normalisation: return check_normalisation(all);
    case Precondition::GroupNormalisation: return check_group_normalisation(all);
    case Precondition::Recurrent: return check_recurrent(all);
    case Precondition::Cell: return check_cell(all);
    case Precondition::Attention: return check_attention(all);
    case Precondition::Spectrum: return check_spectrum(all);
  }
}

// ---- How many elements an operator makes, where no list of sizes says it. ----

// Whether `elements_of` knows it.
inline bool makes_elements(const std::string& name) {
  return name.find("upsample") != std::string::npos || name.find("_pad") != std::string::npos || name.rfind("aten::conv", 0) == 0 ||
      is_among(
             name,
             {"aten::pad", "aten::_convolution", "aten::one_hot", "aten::combinations", "aten::cartesian_prod", "aten::diag_embed", "aten::empty_strided",
              "aten::new_empty_strided"});
}

// Of a list that may have one number for all dimensions.
inline int64_t at_dimension(const std::vector<int64_t>& list, size_t dimension, int64_t otherwise) {
  return list.empty() ? otherwise : list[std::min(dimension, list.size() - 1)];
}

inline double of_convolution(const Arguments& all) {
  const auto input = all.tensor("input"), weight = all.tensor("weight");
  if (!input || !weight || weight->dim() < 3 || input->dim() < weight->dim() - 1) return 0;
  const bool transposed = all.truth("transposed") || all.schema.name().find("transpose") != std::string::npos;
  const size_t spatial = size_t(weight->dim() - 2);
  const std::vector<int64_t> stride = all.wholes("stride"), padding = all.wholes("padding");
  const std::vector<int64_t> dilation = all.wholes("dilation"), more = all.wholes("output_padding");
  const int64_t records = input->dim() == weight->dim() ? input->size(0) : 1;
  double elements = double(records) * double(transposed ? weight->size(1) * all.whole("groups", 1) : weight->size(0));
  for (size_t i = 0; i < spatial; ++i) {
    const double size = double(input->size(int64_t(i) - int64_t(spatial)));
    const double step = double(at_dimension(stride, i, 1)), sides = 2 * double(at_dimension(padding, i, 0));
    const double reach = double(at_dimension(dilation, i, 1)) * double(weight->size(int64_t(i) + 2) - 1);
    if (step < 1) return 0;
    elements *= transposed ? (size - 1) * step - sides + reach + double(at_dimension(more, i, 0)) + 1 : (size + sides - reach - 1) / step + 1;
  }
  return elements;
}

inline double of_padding(const Arguments& all, const char* name) {
  const std::vector<int64_t> pads = all.wholes(name);
  const at::Tensor input = all.stack[0].toTensor();
  double elements = 1;
  for (int64_t i = 0; i < input.dim(); ++i) {
    const size_t from_end = size_t(input.dim() - 1 - i);
    double size = double(input.size(i));
    if (2 * from_end + 1 < pads.size()) size += double(pads[2 * from_end]) + double(pads[2 * from_end + 1]);
    elements *= size;
  }
  return elements;
}

// Nothing where it is another's to bound.
inline double elements_of(const c10::FunctionSchema& schema, const Stack& stack) {
  const std::string& name = schema.name();
  const Arguments all{schema, stack};
  if (name == "aten::cartesian_prod") {
    const std::vector<at::Tensor> parts = all.tensors("tensors");
    double elements = double(parts.size());
    for (const at::Tensor& part : parts) elements *= double(part.numel());
    return elements;
  }
  if (name == "aten::empty_strided" || name == "aten::new_empty_strided") {
    const std::vector<int64_t> sizes = all.wholes("size"), strides = all.wholes("stride");
    double last = 0;
    for (size_t i = 0; i < std::min(sizes.size(), strides.size()); ++i) last += double(sizes[i] - 1) * double(strides[i]);
    return last + 1;
  }
  if (stack.empty() || !stack[0].isTensor() || !stack[0].toTensor().defined()) return 0;
  const at::Tensor first = stack[0].toTensor();
  if (name == "aten::one_hot") {
    if (first.numel() == 0 || first.scalar_type() != at::kLong) return 0;
    const int64_t classes = all.whole("num_classes", -1);
    return double(first.numel()) * (classes >= 0 ? double(classes) : double(first.max().item<int64_t>()) + 1);
  }
  if (name == "aten::combinations") {
    const double many = double(all.whole("r", 2));
    return std::pow(double(first.numel()), many) * many;
  }
  if (name == "aten::diag_embed") {
    if (first.dim() == 0) return 0;
    const double side = double(first.size(-1)) + std::abs(double(all.whole("offset", 0)));
    return first.size(-1) == 0 ? side * side : double(first.numel()) / double(first.size(-1)) * side * side;
  }
  if (name.find("upsample") != std::string::npos) {
    if (first.dim() < 2) return 0;
    double elements = double(first.size(0)) * double(first.size(1));
    for (int64_t size : all.wholes("output_size")) elements *= double(size);
    return elements;
  }
  if (name == "aten::pad" || name.find("_pad") != std::string::npos) return of_padding(all, all.find("padding") ? "padding" : "pad");
  return of_convolution(all);
}

}  // namespace paname

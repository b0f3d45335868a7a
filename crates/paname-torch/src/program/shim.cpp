// A program of torch.export as libtorch runs it: calls of operators that were looked up once, each with a stack of arguments that is complete but for
// the values of the run. Arguments are held against the operator's schema when a call is added, so that a run converts nothing and looks nothing up.
//
// Every entry point catches what is thrown and returns it as a text, which `paname_text_free` frees; nothing where all is well. The caller promises that
// slots are below their number and defined before they are used.

#include <ATen/ATen.h>
#include <ATen/ScalarOps.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "preconditions.h"

namespace {

using c10::IValue;
using c10::TypeKind;

struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// ---- What crosses from Rust; `shim.rs` has the same types. ----

extern "C" {

// A number, a truth value, or the slot of one; of tensors the slot alone, below 0 for an absent one. Operands of arithmetic say by a slot below 0 what
// is known.
struct Cell {
  int64_t slot;
  int64_t whole;
  double real;
};

// An argument as the file gives it.
struct Given {
  const char* name;
  size_t name_length;
  uint32_t kind;
  const Cell* cells;
  size_t count;
  const char* text;
  size_t text_length;
};

// What a run is and what it gives.
struct Run {
  at::Tensor* const* inputs;
  bool training;
  const uint32_t* wanted;
  size_t wanted_count;
  // Outputs, then what was wanted; null where an output is no tensor.
  at::Tensor** results;
  // The step that failed.
  size_t failed;
};
}

constexpr int64_t kKnownReal = -2, kKnownTruth = -3;

enum Kind : uint32_t {
  kNone,
  kTensor,
  kTensors,
  kWhole,
  kWholes,
  kReal,
  kReals,
  kTruth,
  kTruths,
  kText,
  kDType,
  kLayout,
  kMemoryFormat,
  kDevice,
  kComplex,
};

// What a graph input is, for who may write to it: nobody; training; or the program, which then has a copy.
enum Role : uint8_t { kFixed, kBuffer, kUser };

// What a run makes of values before it hands them to an operator.
enum class How : uint8_t { Tensor, MaybeTensor, Number, Whole, Real, Truth, Wrapped };

// A place of a call's stack that depends on the run.
struct Patch {
  uint32_t place;
  How how;
  bool list;
  // Whether the numbers of a list are sizes, whose product is bounded.
  bool sizes;
  std::vector<Cell> cells;
};

// Where one of the values that an operator returns goes.
struct Returned {
  bool list;
  // Slots, below 0 for a value that nobody names.
  std::vector<int64_t> slots;
};

enum class Arithmetic : uint32_t {
  Add, Subtract, Multiply, FloorDivide, Modulo, Power, Divide, Negate, Absolute, Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual,
  And, Or, Not, Least, Greatest, ToReal, ToWhole, Choose, Floor, Ceiling, Truncate, Root,
};

enum class Act : uint8_t { Call, Compute, EnterGradMode, EnterAutocast, Leave };

struct Step {
  Act act = Act::Call;
  // Of a call.
  std::optional<c10::OperatorHandle> op;
  torch::jit::Stack stack;
  std::vector<Patch> patches;
  std::vector<Returned> returned;
  int64_t flag = -1;
  // Place of a share that is dropped, which is none when a model is asked.
  int64_t dropped = -1;
  // Places that the operator writes to, and those that it writes to in training alone, whatever its schema says.
  std::vector<uint32_t> written, learnt;
  // What has to hold before its kernel is called.
  paname::Precondition precondition = paname::Precondition::None;
  // Whether it leaves what it returns as memory happens to be.
  bool blank = false;
  // Place of numbers by which the size of the first argument is multiplied.
  int64_t repeats = -1;
  // Whether plain numbers say how many elements there are, and whether they follow from arguments together.
  bool counts = false, makes = false;
  // Of arithmetic.
  Arithmetic arithmetic = Arithmetic::Add;
  std::vector<Cell> operands;
  uint32_t result = 0;
  // Of a region.
  bool enabled = false, cached = false;
  at::DeviceType region = at::kCPU;
  at::ScalarType precision = at::kBFloat16;
  // Slots that nobody reads after this step.
  std::vector<uint32_t> freed;
};

// ---- The program. ----

struct Program {
  std::vector<Role> inputs;
  size_t slots;
  at::Device device;
  int64_t most;
  std::vector<Step> steps;
  std::vector<int64_t> outputs;
  // For each slot the inputs whose memory it may share.
  std::vector<std::vector<uint32_t>> roots;
  bool writes = false;
  // Inputs that a run copies before it begins, since it writes to them: those of the user, and buffers when the model is asked.
  std::vector<bool> copied;
  // Memory of numbers that stand for tensors, which all runs share.
  std::vector<const void*> constants;

  Program(std::vector<Role> inputs, size_t slots, at::Device device, int64_t most)
      : inputs(std::move(inputs)), slots(slots), device(device), most(most), roots(slots), copied(this->inputs.size()) {
    for (uint32_t i = 0; i < this->inputs.size(); ++i) roots[i].push_back(i);
  }
};

// What is told where there is no memory for a text; it is never freed.
char exhausted[] = "out of memory";

char* copied(const std::string& text) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) return exhausted;
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

template <class F>
char* guarded(F&& f) noexcept {
  try {
    f();
    return nullptr;
  } catch (const c10::Error& error) {
    return copied(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return copied(error.what());
  } catch (...) {
    return copied("an error of an unknown kind");
  }
}

// The product of the sizes of a list, where they count, refused above what a tensor may have.
void bound(const std::vector<int64_t>& sizes, int64_t most) {
  int64_t product = 1;
  for (int64_t size : sizes) {
    const uint64_t magnitude = size < 0 ? uint64_t(0) - uint64_t(size) : uint64_t(size);
    if (magnitude <= 1) continue;
    if (magnitude > uint64_t(most) / uint64_t(product)) {
      throw Refusal("sizes ask for more than " + std::to_string(most) + " elements");
    }
    product *= int64_t(magnitude);
  }
}

// ---- Arguments, held against a schema. ----

const char* described(uint32_t kind) {
  switch (kind) {
    case kNone: return "nothing";
    case kTensor: return "a tensor";
    case kTensors: return "a list of tensors";
    case kWhole: return "a whole number";
    case kWholes: return "whole numbers";
    case kReal: return "a real number";
    case kReals: return "real numbers";
    case kTruth: return "a truth value";
    case kTruths: return "truth values";
    case kText: return "a text";
    case kDType: return "a type of elements";
    case kLayout: return "a layout";
    case kMemoryFormat: return "a memory format";
    case kDevice: return "a device";
    case kComplex: return "a complex number";
    default: return "something unknown";
  }
}

bool is_list(uint32_t kind) {
  return kind == kTensors || kind == kWholes || kind == kReals || kind == kTruths;
}

[[noreturn]] void mismatch(const Given& given, const c10::Type& type) {
  throw Refusal("expected " + type.annotation_str() + ", got " + described(given.kind));
}

// Arguments that are numbers of elements.
constexpr std::initializer_list<const char*> kCounts = {"n", "m", "row", "col", "steps", "num_classes", "window_length"};

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return paname::is_among(name, names);
}

struct Converter {
  const Program& program;
  Step& step;
  // Whether the argument at hand holds sizes.
  bool sizes = false;
  // Whether the operator may return or change it.
  bool shared = false;

  // A value for this place of the stack: what is known now, or a patch for each run.
  IValue convert(const Given& given, const c10::Argument& argument, uint32_t place) {
    sizes = is_one_of(argument.name(), {"size", "sizes", "shape", "output_size", "input_size", "repeats", "s"});
    shared = argument.alias_info() != nullptr;
    return of_type(given, *argument.real_type(), argument.N(), place);
  }

 private:
  IValue patch(uint32_t place, How how, const Given& given, bool list) {
    step.patches.push_back({place, how, list, sizes, std::vector<Cell>(given.cells, given.cells + given.count)});
    return IValue();
  }

  IValue of_type(const Given& given, const c10::Type& type, std::optional<int32_t> repeated, uint32_t place) {
    switch (type.kind()) {
      case TypeKind::OptionalType: {
        if (given.kind == kNone) return IValue();
        const auto& inner = *type.expectRef<c10::OptionalType>().getElementType();
        if (inner.kind() == TypeKind::TensorType && given.kind == kTensor) return patch(place, How::MaybeTensor, given, false);
        return of_type(given, inner, repeated, place);
      }
      case TypeKind::TensorType:
        if (given.kind == kTensor) return patch(place, How::Tensor, given, false);
        if (auto number = scalar(given)) {
          // All runs would share what one of them changes.
          if (shared) mismatch(given, type);
          // As Python's arithmetic does: it does not decide the type of the result.
          return at::native::wrapped_scalar_tensor(*number);
        }
        if ((given.kind == kWhole || given.kind == kReal || given.kind == kTruth) && given.count == 1) {
          return patch(place, How::Wrapped, given, false);
        }
        mismatch(given, type);
      case TypeKind::NumberType:
        if (auto number = scalar(given)) return IValue(*number);
        if (given.kind == kWhole || given.kind == kReal || given.kind == kTruth) return patch(place, How::Number, given, false);
        mismatch(given, type);
      case TypeKind::IntType:
      case TypeKind::SymIntType:
        if (given.kind != kWhole && given.kind != kTruth) mismatch(given, type);
        if (given.cells[0].slot >= 0) return patch(place, How::Whole, given, false);
        return IValue(given.cells[0].whole);
      case TypeKind::FloatType:
      case TypeKind::SymFloatType:
        if (given.kind != kReal && given.kind != kWhole) mismatch(given, type);
        if (given.cells[0].slot >= 0) return patch(place, How::Real, given, false);
        return IValue(given.kind == kReal ? given.cells[0].real : double(given.cells[0].whole));
      case TypeKind::BoolType:
      case TypeKind::SymBoolType:
        if (given.kind != kTruth) mismatch(given, type);
        if (given.cells[0].slot >= 0) return patch(place, How::Truth, given, false);
        return IValue(given.cells[0].whole != 0);
      case TypeKind::StringType:
        if (given.kind != kText) mismatch(given, type);
        return IValue(std::string(given.text, given.text_length));
      case TypeKind::ScalarTypeType:
        if (given.kind != kDType) mismatch(given, type);
        return IValue(given.cells[0].whole);
      case TypeKind::LayoutType:
        if (given.kind != kLayout) mismatch(given, type);
        return IValue(given.cells[0].whole);
      case TypeKind::MemoryFormatType:
        if (given.kind != kMemoryFormat) mismatch(given, type);
        return IValue(given.cells[0].whole);
      case TypeKind::DeviceObjType:
        // Wherever it was exported, it computes where the model is.
        if (given.kind != kDevice) mismatch(given, type);
        return IValue(program.device);
      case TypeKind::ListType:
        return list(given, type, repeated, place);
      default:
        // A generator, a storage, a stream: no program has one.
        mismatch(given, type);
    }
  }

  static std::optional<at::Scalar> scalar(const Given& given) {
    if (given.kind == kComplex) return at::Scalar(c10::complex<double>(given.cells[0].real, given.cells[1].real));
    if (given.count != 1 || given.cells[0].slot >= 0) return std::nullopt;
    switch (given.kind) {
      case kWhole: return at::Scalar(given.cells[0].whole);
      case kReal: return at::Scalar(given.cells[0].real);
      case kTruth: return at::Scalar(given.cells[0].whole != 0);
      default: return std::nullopt;
    }
  }

  IValue list(const Given& given, const c10::Type& type, std::optional<int32_t> repeated, uint32_t place) {
    const auto& element = *type.expectRef<c10::ListType>().getElementType();
    // A number stands for as many as there are dimensions, where the schema says how many that are.
    std::vector<Cell> many;
    Given items = given;
    if ((given.kind == kWhole || given.kind == kReal || given.kind == kTruth) && repeated) {
      many.assign(size_t(*repeated), given.cells[0]);
      items.kind = given.kind + 1;
      items.cells = many.data();
      items.count = many.size();
    }
    const bool empty = is_list(items.kind) && items.count == 0;
    bool known = true;
    for (size_t i = 0; i < items.count; ++i) known &= items.cells[i].slot < 0;
    switch (element.kind()) {
      case TypeKind::IntType:
      case TypeKind::SymIntType: {
        if (items.kind != kWholes && !empty) mismatch(given, type);
        if (!known) return patch(place, How::Whole, items, true);
        std::vector<int64_t> values;
        for (size_t i = 0; i < items.count; ++i) values.push_back(items.cells[i].whole);
        if (sizes) bound(values, program.most);
        return IValue(c10::List<int64_t>(values));
      }
      case TypeKind::FloatType:
      case TypeKind::SymFloatType: {
        if (items.kind != kReals && items.kind != kWholes && !empty) mismatch(given, type);
        if (!known) return patch(place, How::Real, items, true);
        c10::List<double> values;
        for (size_t i = 0; i < items.count; ++i) {
          values.push_back(items.kind == kReals ? items.cells[i].real : double(items.cells[i].whole));
        }
        return IValue(std::move(values));
      }
      case TypeKind::BoolType:
      case TypeKind::SymBoolType: {
        if (items.kind != kTruths && !empty) mismatch(given, type);
        if (!known) return patch(place, How::Truth, items, true);
        c10::List<bool> values;
        for (size_t i = 0; i < items.count; ++i) values.push_back(items.cells[i].whole != 0);
        return IValue(std::move(values));
      }
      case TypeKind::TensorType:
        if (items.kind != kTensors && !empty) mismatch(given, type);
        for (size_t i = 0; i < items.count; ++i) {
          if (items.cells[i].slot < 0) throw Refusal("expected " + type.annotation_str() + ", got a list with absent tensors");
        }
        return patch(place, How::Tensor, items, true);
      case TypeKind::OptionalType:
        if (element.expectRef<c10::OptionalType>().getElementType()->kind() != TypeKind::TensorType) mismatch(given, type);
        if (items.kind != kTensors && !empty) mismatch(given, type);
        return patch(place, How::MaybeTensor, items, true);
      default:
        mismatch(given, type);
    }
  }
};

// ---- Values of a run. ----

using Slots = std::vector<IValue>;

// The number or truth value in a cell's slot, as an argument of its type takes it.
IValue number(const Cell& cell, How how, const Slots& slots) {
  const IValue& value = slots[size_t(cell.slot)];
  switch (how) {
    case How::Whole:
      if (value.isBool()) return IValue(int64_t(value.toBool()));
      if (!value.isInt()) throw Refusal("expected a whole number, got a value of another kind");
      return value;
    case How::Real:
      if (value.isInt()) return IValue(double(value.toInt()));
      if (!value.isDouble()) throw Refusal("expected a real number, got a value of another kind");
      return value;
    case How::Truth:
      if (!value.isBool()) throw Refusal("expected a truth value, got a value of another kind");
      return value;
    default:
      if (!value.isInt() && !value.isDouble() && !value.isBool()) throw Refusal("expected a number, got a value of another kind");
      return value;
  }
}

const at::Tensor& tensor(int64_t slot, const Slots& slots) {
  const IValue& value = slots[size_t(slot)];
  if (!value.isTensor()) throw Refusal("expected a tensor, got a value of another kind");
  const at::Tensor& found = value.toTensor();
  if (!found.defined()) throw Refusal("expected a tensor, got one that the operator before has left out");
  return found;
}

IValue patched(const Patch& patch, const Slots& slots, int64_t most) {
  if (!patch.list) {
    const Cell& cell = patch.cells[0];
    switch (patch.how) {
      case How::Tensor:
        tensor(cell.slot, slots);
        return slots[size_t(cell.slot)];
      case How::MaybeTensor: {
        const IValue& value = slots[size_t(cell.slot)];
        if (!value.isTensor()) throw Refusal("expected a tensor, got a value of another kind");
        return value.toTensor().defined() ? value : IValue();
      }
      case How::Wrapped:
        return at::native::wrapped_scalar_tensor(number(cell, How::Number, slots).toScalar());
      default:
        return number(cell, patch.how, slots);
    }
  }
  switch (patch.how) {
    case How::Tensor: {
      c10::List<at::Tensor> list;
      list.reserve(patch.cells.size());
      for (const Cell& cell : patch.cells) list.push_back(tensor(cell.slot, slots));
      return IValue(std::move(list));
    }
    case How::MaybeTensor: {
      c10::List<std::optional<at::Tensor>> list;
      list.reserve(patch.cells.size());
      for (const Cell& cell : patch.cells) {
        if (cell.slot < 0) {
          list.push_back(std::nullopt);
        } else {
          list.push_back(tensor(cell.slot, slots));
        }
      }
      return IValue(std::move(list));
    }
    case How::Whole: {
      std::vector<int64_t> values;
      values.reserve(patch.cells.size());
      for (const Cell& cell : patch.cells) values.push_back(cell.slot < 0 ? cell.whole : number(cell, How::Whole, slots).toInt());
      if (patch.sizes) bound(values, most);
      return IValue(c10::List<int64_t>(values));
    }
    case How::Real: {
      c10::List<double> list;
      for (const Cell& cell : patch.cells) list.push_back(cell.slot < 0 ? cell.real : number(cell, How::Real, slots).toDouble());
      return IValue(std::move(list));
    }
    default: {
      c10::List<bool> list;
      for (const Cell& cell : patch.cells) list.push_back(cell.slot < 0 ? cell.whole != 0 : number(cell, How::Truth, slots).toBool());
      return IValue(std::move(list));
    }
  }
}

// Numbers of elements that an operator makes out of plain numbers, before it makes them.
void count(const Step& step, const torch::jit::Stack& stack, int64_t most) {
  const auto& arguments = step.op->schema().arguments();
  if (step.repeats >= 0) {
    const IValue& repeats = stack[size_t(step.repeats)];
    double all = stack[0].isTensor() ? double(stack[0].toTensor().numel()) : 1;
    if (repeats.isInt()) all *= double(repeats.toInt());
    if (repeats.isIntList()) {
      for (int64_t factor : repeats.toIntVector()) all *= double(factor);
    }
    if (repeats.isDoubleList()) {
      for (double factor : repeats.toDoubleVector()) all *= factor;
    }
    if (!(all <= double(most))) throw Refusal("sizes ask for more than " + std::to_string(most) + " elements");
  }
  if (step.makes && paname::elements_of(step.op->schema(), stack) > double(most)) {
    throw Refusal("sizes ask for more than " + std::to_string(most) + " elements");
  }
  if (!step.counts) return;
  std::vector<int64_t> sizes;
  double start = 0, end = 0, stride = 1;
  bool range = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i].name();
    const IValue& value = stack[i];
    const bool is_number = value.isInt() || value.isDouble();
    if (!is_number) continue;
    const double real = value.isInt() ? double(value.toInt()) : value.toDouble();
    if (name == "start") start = real;
    if (name == "end") end = real, range = true;
    if (name == "step") stride = real;
    if (value.isInt() && is_one_of(name, kCounts)) sizes.push_back(value.toInt());
  }
  // `eye` without columns has as many as rows.
  if (step.op->schema().name() == "aten::eye" && sizes.size() == 1) sizes.push_back(sizes[0]);
  bound(sizes, most);
  // Not-a-number and a step of 0 are the operator's to refuse.
  if (range && std::abs((end - start) / stride) > double(most)) {
    throw Refusal("a range asks for more than " + std::to_string(most) + " elements");
  }
}

// ---- Arithmetic of sizes, as Python does it, without overflow. ----

[[noreturn]] void overflow() {
  throw Refusal("a size leaves the range of 64 bits");
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) throw Refusal("a size is divided by 0");
  if (b == -1) {
    if (a == std::numeric_limits<int64_t>::min()) overflow();
    return -a;
  }
  const int64_t quotient = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

int64_t to_whole(double value) {
  // Both ends are exact as doubles.
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) overflow();
  return int64_t(value);
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) overflow();
    if (result == 0 || (result == 1 && base == 1)) break;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  }
  return result;
}

IValue computed(Arithmetic what, const IValue* v) {
  const auto real = [](const IValue& x) {
    return x.isDouble() ? x.toDouble() : x.isBool() ? double(x.toBool()) : double(x.toInt());
  };
  const auto whole = [](const IValue& x) { return x.isBool() ? int64_t(x.toBool()) : x.toInt(); };
  const auto truth = [&](const IValue& x) { return x.isDouble() ? x.toDouble() != 0 : whole(x) != 0; };
  const auto is_real = [&](const IValue& x) { return x.isDouble(); };
  switch (what) {
    case Arithmetic::Negate: {
      if (is_real(v[0])) return IValue(-v[0].toDouble());
      int64_t result;
      if (__builtin_sub_overflow(int64_t(0), whole(v[0]), &result)) overflow();
      return IValue(result);
    }
    case Arithmetic::Absolute:
      if (is_real(v[0])) return IValue(std::abs(v[0].toDouble()));
      if (whole(v[0]) == std::numeric_limits<int64_t>::min()) overflow();
      return IValue(std::abs(whole(v[0])));
    case Arithmetic::Not: return IValue(!truth(v[0]));
    case Arithmetic::ToReal: return IValue(real(v[0]));
    case Arithmetic::ToWhole:
    case Arithmetic::Truncate: return IValue(is_real(v[0]) ? to_whole(std::trunc(v[0].toDouble())) : whole(v[0]));
    case Arithmetic::Floor: return IValue(is_real(v[0]) ? to_whole(std::floor(v[0].toDouble())) : whole(v[0]));
    case Arithmetic::Ceiling: return IValue(is_real(v[0]) ? to_whole(std::ceil(v[0].toDouble())) : whole(v[0]));
    case Arithmetic::Root: return IValue(std::sqrt(real(v[0])));
    case Arithmetic::Choose: return truth(v[0]) ? v[1] : v[2];
    case Arithmetic::And: return v[0].isBool() && v[1].isBool() ? IValue(v[0].toBool() && v[1].toBool()) : IValue(whole(v[0]) & whole(v[1]));
    case Arithmetic::Or: return v[0].isBool() && v[1].isBool() ? IValue(v[0].toBool() || v[1].toBool()) : IValue(whole(v[0]) | whole(v[1]));
    default: break;
  }
  const bool reals = is_real(v[0]) || is_real(v[1]);
  const double x = real(v[0]), y = real(v[1]);
  const int64_t a = reals ? 0 : whole(v[0]), b = reals ? 0 : whole(v[1]);
  int64_t result = 0;
  switch (what) {
    case Arithmetic::Add:
      if (reals) return IValue(x + y);
      if (__builtin_add_overflow(a, b, &result)) overflow();
      return IValue(result);
    case Arithmetic::Subtract:
      if (reals) return IValue(x - y);
      if (__builtin_sub_overflow(a, b, &result)) overflow();
      return IValue(result);
    case Arithmetic::Multiply:
      if (reals) return IValue(x * y);
      if (__builtin_mul_overflow(a, b, &result)) overflow();
      return IValue(result);
    case Arithmetic::Divide:
      if (y == 0) throw Refusal("a size is divided by 0");
      return IValue(x / y);
    case Arithmetic::FloorDivide:
      if (!reals) return IValue(floor_divide(a, b));
      if (y == 0) throw Refusal("a size is divided by 0");
      return IValue(std::floor(x / y));
    case Arithmetic::Modulo:
      if (reals) {
        if (y == 0) throw Refusal("a size is divided by 0");
        return IValue(x - y * std::floor(x / y));
      }
      if (b == 0) throw Refusal("a size is divided by 0");
      if (b == -1) return IValue(int64_t(0));
      result = a % b;
      return IValue(result != 0 && (result < 0) != (b < 0) ? result + b : result);
    case Arithmetic::Power:
      if (reals || b < 0) return IValue(std::pow(x, y));
      return IValue(power(a, b));
    case Arithmetic::Equal: return IValue(reals ? x == y : a == b);
    case Arithmetic::NotEqual: return IValue(reals ? x != y : a != b);
    case Arithmetic::Less: return IValue(reals ? x < y : a < b);
    case Arithmetic::LessEqual: return IValue(reals ? x <= y : a <= b);
    case Arithmetic::Greater: return IValue(reals ? x > y : a > b);
    case Arithmetic::GreaterEqual: return IValue(reals ? x >= y : a >= b);
    case Arithmetic::Least: return reals ? IValue(std::min(x, y)) : IValue(std::min(a, b));
    case Arithmetic::Greatest: return reals ? IValue(std::max(x, y)) : IValue(std::max(a, b));
    default: throw Refusal("arithmetic of an unknown kind");
  }
}

// ---- A run. ----

// What regions change, put back however a run ends.
struct Modes {
  struct Saved {
    bool gradient, enabled, cached;
    at::ScalarType precision;
    at::DeviceType region;
    bool autocast;
  };
  std::vector<Saved> saved;

  void enter(const Step& step) {
    const bool autocast = step.act == Act::EnterAutocast;
    Saved now{c10::GradMode::is_enabled(), false, false, at::kFloat, step.region, autocast};
    if (autocast) {
      now.enabled = at::autocast::is_autocast_enabled(step.region);
      now.cached = at::autocast::is_autocast_cache_enabled();
      now.precision = at::autocast::get_autocast_dtype(step.region);
      saved.push_back(now);
      at::autocast::increment_nesting();
      at::autocast::set_autocast_enabled(step.region, step.enabled);
      at::autocast::set_autocast_dtype(step.region, step.precision);
      at::autocast::set_autocast_cache_enabled(step.cached);
    } else {
      saved.push_back(now);
      // A caller that wants no gradients gets none, whatever the program asks for.
      c10::GradMode::set_enabled(step.enabled && outer);
    }
  }

  void leave() {
    if (saved.empty()) return;
    const Saved before = saved.back();
    saved.pop_back();
    if (before.autocast) {
      if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
      at::autocast::set_autocast_enabled(before.region, before.enabled);
      at::autocast::set_autocast_dtype(before.region, before.precision);
      at::autocast::set_autocast_cache_enabled(before.cached);
    } else {
      c10::GradMode::set_enabled(before.gradient);
    }
  }

  bool outer = c10::GradMode::is_enabled();

  ~Modes() {
    while (!saved.empty()) leave();
  }
};

const void* memory(const at::Tensor& tensor) {
  return tensor.defined() && tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

// Puts a value into its slot. A tensor may not have more elements than the bound, even one that takes no memory yet.
void put(IValue& slot, IValue&& value, int64_t most) {
  if (value.isTensor() && value.toTensor().defined() && value.toTensor().numel() > most) {
    throw Refusal("a tensor has more than " + std::to_string(most) + " elements");
  }
  slot = std::move(value);
}

void call(const Program& program, const Step& step, const Run& run, const std::vector<const void*>& fixed, Slots& slots, torch::jit::Stack& stack) {
  stack.assign(step.stack.begin(), step.stack.end());
  for (const Patch& patch : step.patches) stack[patch.place] = patched(patch, slots, program.most);
  if (step.flag >= 0) stack[size_t(step.flag)] = IValue(run.training);
  if (step.dropped >= 0 && !run.training) stack[size_t(step.dropped)] = IValue(0.0);
  if (step.counts || step.repeats >= 0 || step.makes) count(step, stack, program.most);
  paname::check(step.precondition, step.op->schema(), stack);
  const auto watch = [&](const std::vector<uint32_t>& places) {
    for (uint32_t place : places) {
      if (!stack[place].isTensor()) continue;
      const void* written = memory(stack[place].toTensor());
      if (written && std::binary_search(fixed.begin(), fixed.end(), written)) {
        throw Refusal("would write into what the model is given or keeps");
      }
    }
  };
  watch(step.written);
  if (run.training) watch(step.learnt);
  step.op->callBoxed(stack);
  if (stack.size() != step.returned.size()) throw Refusal("gave another number of values than its schema has");
  if (step.blank && stack[0].isTensor()) stack[0].toTensor().zero_();
  for (size_t i = 0; i < stack.size(); ++i) {
    const Returned& returned = step.returned[i];
    if (!returned.list) {
      if (returned.slots[0] >= 0) put(slots[size_t(returned.slots[0])], std::move(stack[i]), program.most);
      continue;
    }
    const c10::List<at::Tensor> list = stack[i].toTensorList();
    if (list.size() != returned.slots.size()) {
      throw Refusal("gave " + std::to_string(list.size()) + " tensors; the program names " + std::to_string(returned.slots.size()));
    }
    for (size_t j = 0; j < list.size(); ++j) {
      if (returned.slots[j] >= 0) put(slots[size_t(returned.slots[j])], IValue(list.get(j)), program.most);
    }
  }
}

void run(const Program& program, Run& run) {
  Slots slots(program.slots);
  // What the program writes to and has to leave as it is, it gets a copy of: all that it makes of it then sees what it has written.
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const bool copy = program.copied[i] && !(run.training && program.inputs[i] == kBuffer);
    slots[i] = copy ? run.inputs[i]->clone() : *run.inputs[i];
  }
  std::vector<const void*> fixed;
  if (program.writes || run.training) {
    fixed = program.constants;
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      if (!(run.training && program.inputs[i] == kBuffer)) fixed.push_back(memory(*run.inputs[i]));
    }
    std::sort(fixed.begin(), fixed.end());
  }
  // What is wanted is kept from the step that makes it on, since later ones may write into it.
  std::vector<std::vector<uint32_t>> heard;
  std::vector<at::Tensor> kept(run.wanted_count);
  const auto keep = [&](uint32_t slot) {
    for (uint32_t which : heard[slot]) {
      const at::Tensor& value = tensor(slot, slots);
      kept[which] = program.writes ? value.clone() : value;
    }
  };
  if (run.wanted_count > 0) {
    heard.resize(program.slots);
    for (uint32_t i = 0; i < run.wanted_count; ++i) heard[run.wanted[i]].push_back(i);
    for (uint32_t i = 0; i < program.inputs.size(); ++i) keep(i);
  }
  Modes modes;
  torch::jit::Stack stack;
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    run.failed = i;
    switch (step.act) {
      case Act::Call:
        call(program, step, run, fixed, slots, stack);
        stack.clear();
        if (run.wanted_count > 0) {
          for (const Returned& returned : step.returned) {
            for (int64_t slot : returned.slots) {
              if (slot >= 0) keep(uint32_t(slot));
            }
          }
        }
        break;
      case Act::Compute: {
        IValue values[3];
        for (size_t j = 0; j < step.operands.size(); ++j) {
          const Cell& cell = step.operands[j];
          if (cell.slot >= 0) {
            values[j] = number(cell, How::Number, slots);
          } else if (cell.slot == kKnownReal) {
            values[j] = IValue(cell.real);
          } else if (cell.slot == kKnownTruth) {
            values[j] = IValue(cell.whole != 0);
          } else {
            values[j] = IValue(cell.whole);
          }
        }
        slots[step.result] = computed(step.arithmetic, values);
        break;
      }
      case Act::Leave:
        modes.leave();
        break;
      default:
        modes.enter(step);
    }
    for (uint32_t slot : step.freed) slots[slot] = IValue();
  }
  run.failed = program.steps.size();
  const size_t outputs = program.outputs.size();
  for (size_t i = 0; i < run.wanted_count; ++i) {
    if (!kept[i].defined()) throw Refusal("a value that was asked for was not computed");
  }
  // Nothing throws from here on but for lack of memory, when the caller frees what there is.
  for (size_t i = 0; i < outputs; ++i) {
    const int64_t slot = program.outputs[i];
    if (slot >= 0 && slots[size_t(slot)].isTensor()) run.results[i] = new at::Tensor(slots[size_t(slot)].toTensor());
  }
  for (size_t i = 0; i < run.wanted_count; ++i) run.results[outputs + i] = new at::Tensor(std::move(kept[i]));
}

// What an operator's results may share memory with, and what it writes to.
void follow(Program& program, Step& step, bool may_return_input) {
  const auto& schema = step.op->schema();
  const auto roots_of = [&](uint32_t place) {
    std::vector<uint32_t> roots;
    for (const Patch& patch : step.patches) {
      if (patch.place != place || (patch.how != How::Tensor && patch.how != How::MaybeTensor)) continue;
      for (const Cell& cell : patch.cells) {
        if (cell.slot < 0) continue;
        const auto& more = program.roots[size_t(cell.slot)];
        roots.insert(roots.end(), more.begin(), more.end());
      }
    }
    return roots;
  };
  std::vector<uint32_t> shared;
  for (uint32_t place = 0; place < schema.arguments().size(); ++place) {
    const auto* alias = schema.arguments()[place].alias_info();
    if (alias || may_return_input) {
      const auto roots = roots_of(place);
      shared.insert(shared.end(), roots.begin(), roots.end());
    }
    if (!alias || !alias->isWrite()) continue;
    const auto& name = schema.arguments()[place].name();
    for (uint32_t root : roots_of(place)) {
      if (program.inputs[root] == kFixed) {
        throw Refusal("argument `" + name + "`: is written to, and is, or may be a view of, a parameter or a constant");
      }
      // An operator with a flag for training writes in training only, when buffers are its own to change.
      if (program.inputs[root] == kUser || step.flag < 0) program.copied[root] = true;
    }
    program.writes = true;
    (step.flag < 0 ? step.written : step.learnt).push_back(place);
  }
  std::sort(shared.begin(), shared.end());
  shared.erase(std::unique(shared.begin(), shared.end()), shared.end());
  for (const Returned& returned : step.returned) {
    for (int64_t slot : returned.slots) {
      if (slot >= 0) program.roots[size_t(slot)] = shared;
    }
  }
}

// The flag of training that a run decides on: that of dropout and recurrent layers, and that of normalisation which has running statistics. Without these
// it goes by the batch whatever the flag of the model.
int64_t flag_of(const Step& step) {
  const auto& arguments = step.op->schema().arguments();
  int64_t flag = -1;
  bool statistics = step.precondition != paname::Precondition::Normalisation;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i].name();
    if (is_one_of(name, {"training", "train", "use_input_stats"})) flag = int64_t(i);
    if (name == "running_mean") {
      statistics |= std::any_of(step.patches.begin(), step.patches.end(), [&](const Patch& patch) { return patch.place == i; });
    }
  }
  return statistics ? flag : -1;
}

}  // namespace

extern "C" {

void paname_text_free(char* text) {
  if (text != exhausted) std::free(text);
}

// A program without steps. Its first slots are its inputs.
char* paname_program_new(const uint8_t* roles, size_t inputs, size_t slots, int device, int64_t most, Program** made) {
  return guarded([&] {
    std::vector<Role> all;
    for (size_t i = 0; i < inputs; ++i) all.push_back(Role(roles[i]));
    const at::Device where = device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, c10::DeviceIndex(device));
    *made = new Program(std::move(all), slots, where, most);
  });
}

void paname_program_free(Program* program) {
  delete program;
}

// Adds a call. `returned` holds for each value that the operator returns −1 for nothing, a slot, or −2, a number and so many of either.
char* paname_program_call(
    Program* program, const char* name, const char* overload, const Given* given, size_t count, const int64_t* returned, size_t returned_count,
    bool may_return_input) {
  return guarded([&] {
    auto op = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!op) throw Refusal("libtorch has no such operator");
    const auto& schema = op->schema();
    const auto& arguments = schema.arguments();
    Step step;
    step.op = op;
    std::vector<bool> filled(arguments.size());
    step.stack.resize(arguments.size());
    Converter converter{*program, step, false};
    for (size_t i = 0; i < count; ++i) {
      const std::string called(given[i].name, given[i].name_length);
      size_t place = 0;
      while (place < arguments.size() && arguments[place].name() != called) ++place;
      if (place == arguments.size()) throw Refusal("argument `" + called + "`: the operator has none of this name");
      if (filled[place]) throw Refusal("argument `" + called + "`: is given twice");
      filled[place] = true;
      try {
        step.stack[place] = converter.convert(given[i], arguments[place], uint32_t(place));
      } catch (const Refusal& refusal) {
        throw Refusal("argument `" + called + "`: " + refusal.what());
      }
    }
    for (size_t place = 0; place < arguments.size(); ++place) {
      if (filled[place]) continue;
      const auto& standard = arguments[place].default_value();
      if (standard) {
        step.stack[place] = *standard;
      } else if (arguments[place].type()->kind() != TypeKind::OptionalType) {
        throw Refusal("argument `" + arguments[place].name() + "`: is absent, and has no default");
      }
    }
    for (size_t i = 0; i < returned_count;) {
      const int64_t slot = returned[i++];
      if (slot != -2) {
        step.returned.push_back({false, {slot}});
        continue;
      }
      const size_t items = size_t(returned[i++]);
      step.returned.push_back({true, std::vector<int64_t>(returned + i, returned + i + items)});
      i += items;
    }
    const auto& returns = schema.returns();
    if (step.returned.size() != returns.size()) {
      throw Refusal("returns " + std::to_string(returns.size()) + " values; the program names " + std::to_string(step.returned.size()));
    }
    for (size_t i = 0; i < returns.size(); ++i) {
      if (step.returned[i].list != (returns[i].type()->kind() == TypeKind::ListType)) {
        throw Refusal(step.returned[i].list ? "returns a value; the program names a list" : "returns a list; the program names a value");
      }
    }
    step.makes = paname::makes_elements(schema.name());
    step.precondition = paname::precondition_of(schema);
    step.flag = flag_of(step);
    step.blank = is_one_of(
        schema.name(),
        {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::empty_permuted", "aten::new_empty", "aten::new_empty_strided"});
    for (size_t place = 0; place < arguments.size(); ++place) {
      const std::string& argument = arguments[place].name();
      if (argument == "dropout_p") step.dropped = int64_t(place);
      if (is_one_of(argument, {"repeats", "scale_factors"}) || (argument == "dims" && schema.name() == "aten::tile")) step.repeats = int64_t(place);
      // Statistics that the operator moves in training, which not every schema says.
      if (step.flag >= 0 && is_one_of(argument, {"running_mean", "running_var"})) step.learnt.push_back(uint32_t(place));
      step.counts |= is_one_of(argument, kCounts);
      step.counts |= argument == "end" && is_one_of(schema.name(), {"aten::arange", "aten::range"});
    }
    if (step.repeats >= 0 && arguments[size_t(step.repeats)].type()->kind() == TypeKind::TensorType) step.repeats = -1;
    follow(*program, step, may_return_input);
    for (const IValue& value : step.stack) {
      if (value.isTensor() && value.toTensor().defined()) program->constants.push_back(memory(value.toTensor()));
    }
    program->steps.push_back(std::move(step));
  });
}

// Adds arithmetic of sizes.
char* paname_program_compute(Program* program, uint32_t what, const Cell* operands, size_t count, uint32_t result) {
  return guarded([&] {
    Step step;
    step.act = Act::Compute;
    step.arithmetic = Arithmetic(what);
    step.operands.assign(operands, operands + count);
    step.result = result;
    program->steps.push_back(std::move(step));
  });
}

// Adds the beginning of a region in which gradients are followed or not.
char* paname_program_enter_gradient(Program* program, bool enabled) {
  return guarded([&] {
    Step step;
    step.act = Act::EnterGradMode;
    step.enabled = enabled;
    program->steps.push_back(std::move(step));
  });
}

// Adds the beginning of a region of mixed precision.
char* paname_program_enter_autocast(Program* program, bool on_cuda, int precision, bool enabled, bool cached) {
  return guarded([&] {
    Step step;
    step.act = Act::EnterAutocast;
    step.region = on_cuda ? at::kCUDA : at::kCPU;
    step.enabled = enabled;
    step.cached = cached;
    step.precision = precision < 0 ? at::autocast::get_autocast_dtype(step.region) : at::ScalarType(precision);
    program->steps.push_back(std::move(step));
  });
}

// Adds the end of the innermost region.
char* paname_program_leave(Program* program) {
  return guarded([&] {
    Step step;
    step.act = Act::Leave;
    program->steps.push_back(std::move(step));
  });
}

// Names the outputs, below 0 for one that is no value, and finds out after which step nobody reads a slot any more.
char* paname_program_finish(Program* program, const int64_t* outputs, size_t count) {
  return guarded([&] {
    program->outputs.assign(outputs, outputs + count);
    std::vector<int64_t> last(program->slots, -1);
    for (size_t i = 0; i < program->steps.size(); ++i) {
      const Step& step = program->steps[i];
      const auto see = [&](int64_t slot) {
        if (slot >= 0) last[size_t(slot)] = int64_t(i);
      };
      for (const Patch& patch : step.patches) {
        for (const Cell& cell : patch.cells) see(cell.slot);
      }
      for (const Cell& cell : step.operands) see(cell.slot);
      for (const Returned& returned : step.returned) {
        for (int64_t slot : returned.slots) see(slot);
      }
    }
    for (int64_t slot : program->outputs) {
      if (slot >= 0) last[size_t(slot)] = -1;
    }
    for (size_t slot = 0; slot < last.size(); ++slot) {
      if (last[slot] >= 0) program->steps[size_t(last[slot])].freed.push_back(uint32_t(slot));
    }
  });
}

char* paname_program_run(const Program* program, Run* order) {
  char* problem = guarded([&] { run(*program, *order); });
  if (problem) {
    for (size_t i = 0; i < program->outputs.size() + order->wanted_count; ++i) {
      delete order->results[i];
      order->results[i] = nullptr;
    }
  }
  return problem;
}

// A tensor that reads memory of another owner, which it releases when nobody needs it any more.
char* paname_tensor_lent(
    void* data, const int64_t* sizes, const int64_t* strides, size_t dimensions, int type, void* owner, void (*release)(void*), at::Tensor** made) {
  return guarded([&] {
    // Released with the last that holds it, also where something throws.
    std::shared_ptr<void> held(owner, release);
    const at::IntArrayRef all(sizes, dimensions), steps(strides, dimensions);
    const auto options = at::TensorOptions().dtype(at::ScalarType(type)).device(at::kCPU);
    *made = new at::Tensor(at::from_blob(data, all, steps, [held](void*) mutable { held.reset(); }, options));
  });
}

// The schema of an operator as a text; nothing where there is none.
char* paname_schema(const char* name, const char* overload) {
  char* text = nullptr;
  char* problem = guarded([&] {
    auto op = c10::Dispatcher::singleton().findSchema({name, overload});
    if (op) text = copied(toString(op->schema()));
  });
  paname_text_free(problem);
  return text;
}
}

#include "object.hpp"

#include <vector>

namespace einroute {

namespace {

template <class Function> PyType_Slot slot(int id, Function* function) {
    return {id, reinterpret_cast<void*>(function)};
}

std::vector<PyMemberDef> members_of(const TypeParts& parts) {
    std::vector<PyMemberDef> members;
    if (parts.called) {
        members.push_back(
            {"__vectorcalloffset__", T_PYSSIZET, offsetof(Head, vectorcall), READONLY, nullptr});
    }
    for (const PyMemberDef* own = parts.members; own != nullptr && own->name != nullptr; ++own) {
        members.push_back(*own);
    }
    members.push_back({nullptr, 0, 0, 0, nullptr});
    return members;
}

std::vector<PyType_Slot> slots_of(const TypeParts& parts, const TypeCare& care, PyMemberDef* members) {
    std::vector<PyType_Slot> slots = {
        slot(Py_tp_new, parts.make),
        slot(Py_tp_traverse, care.traverse),
        slot(Py_tp_clear, parts.clear == nullptr ? care.clear : parts.clear),
        slot(Py_tp_dealloc, parts.release == nullptr ? care.release : parts.release),
        {Py_tp_members, members},
    };
    if (parts.called) {
        slots.push_back(slot(Py_tp_call, PyVectorcall_Call));
    }
    if (parts.doc != nullptr) {
        slots.push_back({Py_tp_doc, const_cast<char*>(parts.doc)});
    }
    if (parts.methods != nullptr) {
        slots.push_back({Py_tp_methods, parts.methods});
    }
    if (parts.properties != nullptr) {
        slots.push_back({Py_tp_getset, parts.properties});
    }
    for (const PyType_Slot* own = parts.slots; own != nullptr && own->slot != 0; ++own) {
        slots.push_back(*own);
    }
    slots.push_back({0, nullptr});
    return slots;
}

} // namespace

PyTypeObject* add_type(PyObject* module, const TypeParts& parts, const TypeCare& care) {
    constexpr unsigned long FLAGS = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE;
    try {
        // Python copies both.
        std::vector<PyMemberDef> members = members_of(parts);
        std::vector<PyType_Slot> slots = slots_of(parts, care, members.data());
        const unsigned long call = parts.called ? Py_TPFLAGS_HAVE_VECTORCALL : 0;
        PyType_Spec spec = {parts.name, static_cast<int>(care.size), 0,
                            static_cast<unsigned>(FLAGS | call | parts.flags), slots.data()};
        PyTypeObject* type =
            reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
        return type == nullptr || PyModule_AddType(module, type) < 0 ? nullptr : type;
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
        return nullptr;
    }
}

} // namespace einroute
